// connection: one MQTT client. Bytes of the network stream in, frames of the session stream out,
// and back.
//
//     awaiting_connect --CONNECT--> connecting --reply BEGIN, CONNACK--> connected
//        |       |                    ^    |                                |
//        |       +-> authenticating --+    |                                |
//        |               |  ^-AUTH         |                                |
//        +---------------+-----------------+---- refusal, goodbye, loss ----+--> closing
//
// It does no I/O: everything comes as frames and deadlines and goes as frames, so a test needs no
// socket and no clock. One object serves both streams; it is gone when both are closed. An
// idle one owns nothing but its names: buffers and queues exist while something is in them.
#pragma once

#include "decoder.hpp"
#include "extras.hpp"
#include "handshake.hpp"
#include "inbox.hpp"
#include "inflight.hpp"
#include "outbox.hpp"
#include "server.hpp"

namespace weft::mqtt {

class connection final : public endpoint, public timer_wheel::node {
public:
    connection(server& s, stream net, const weft_begin& b);
    ~connection() override;

    void on_begin(stream s, const weft_begin& b) override;
    void on_data(stream s, const weft_data& d) override;
    void on_flush(stream s, const weft_flush& f) override;
    void on_end(stream s, const weft_frame& f) override;
    void on_abort(stream s, const weft_frame& f) override;
    void on_reset(stream s, const weft_frame& f) override;
    void on_window(stream s, const weft_window& w) override;
    void on_closed(stream s) override;

    // ---- called by the server ----
    void flush();
    void on_deadline();
    void shut_down();
    void on_password_checked(bool right, std::string_view name);
    void on_guard_answered(auth_ref who, std::string_view why_not);

private:
    enum class state : uint8_t { awaiting_connect, authenticating, connecting, connected, closing };

    // ---- input: connection.cpp ----
    void read(const weft_slice& s);
    bytes decode(const weft_slice& s);  // what is left undecoded
    bool may_decode() const;
    bool stalled_by_exit() const;
    void keep_unread(const weft_slice& s);
    void resume();
    void handle(const weft_slice& source);
    bool unread() const { return inbox_ && !inbox_->unread.empty(); }
    bool waiting() const { return inbox_ && !inbox_->waiting.empty(); }
    inbox& take_inbox();
    void tidy();

    // ---- the end: close.cpp ----
    // Tells the client why (CONNACK or DISCONNECT where its version has one), ends the session
    // stream as broken, then the network.
    void close(reason code, std::string_view text = {}, std::string_view server_reference = {});
    void close(const violation& f);
    void refuse_will(const violation& f);  // before CONNACK: the exit is not to publish it
    void close_from_provider(const weft_frame& f);
    void on_disconnect();
    void lost();           // the network is gone without DISCONNECT
    void say_goodbye();    // DISCONNECT was received, and everything before it has gone on
    void leave();          // the network side: what is queued, then END
    void out_of_memory();  // cuts this client off
    void end_session(const weft_meta* why);
    void end_in_good_order(reason code);
    void write_last_words(reason code, std::string_view text, std::string_view server_reference);
    void report_fault(reason code, std::string_view text);

    // ---- CONNECT: connect.cpp ----
    void on_connect();
    violation check_connect(const packet& p) const;
    void choose_keep_alive(uint16_t wanted_s);
    void remember_names(std::string_view client_id, std::string_view identity);
    void remember_connect();
    bool remember_will();
    bool route_will();
    void open_session();
    // Of a publish; opened when it is not the client's own. index: 0 for that, else 1 + in sides.
    stream session_at(uint64_t exit, uint8_t& index);
    void on_session_begun(const weft_begin& b);
    void on_will_sent();
    void welcome(const weft_mqtt_begin& granted);
    void write_connack(const weft_mqtt_begin& granted);
    std::string response_information() const;
    void drop_handshake();
    bool enter_quota();
    void leave_quota();

    // ---- who it is: authenticate.cpp ----
    void identify();
    void identify_by_guard(const guard_use& g);
    void check_password(const authentication& a);
    void forget_check();
    void on_auth();
    void on_bearer();
    void ask_guard(std::string_view credentials);
    void adopt(auth_ref who);
    void reauthenticated(auth_ref who);
    void exchange(std::string_view data);
    void send_auth(reason code, std::string_view data);

    // ---- from the client: publish.cpp ----
    void on_publish(const weft_slice& source);
    violation check_publish(const packet& p);
    bool is_repeated(const packet& p);
    void answer_publish(packet_type t, uint16_t packet_id, reason code);
    violation resolve_alias(const packet& p, std::string_view& topic);
    void refuse_publish(uint8_t qos, uint16_t packet_id, uint32_t payload_left, reason code);
    void build_publish(const packet& p, std::string_view topic);
    void wait(stream to, const packet& p, const weft_slice& payload, bool is_text);
    void on_payload(const weft_slice& source);
    void add_fragment(waiting_publish& w, const weft_slice& fragment);
    bool keep_fragment(waiting_publish& w, weft_slice fragment);
    void drop_last_waiting();
    void pump();
    bool pump_one(waiting_publish& w);
    void on_client_ack();
    void on_pubrel();
    void pass_ack(stream to);

    // ---- to the client: deliver.cpp ----
    void on_delivery(const weft_data& d);
    void start_delivery(const weft_data& d, const meta_view<weft_mqtt_publish>& m);
    void fill_properties(const meta_view<weft_mqtt_publish>& m);
    void finish_delivery(const weft_data& d);
    void drop_delivery(const weft_mqtt_publish& m);
    void on_provider_ack(const weft_flush& f);
    bool settle(packet_type type, uint16_t id, reason code);
    bool send(packet& p);  // false when it is larger than the client takes
    void queue(const weft_slice& s);
    void grant_deliveries();
    static void set_reason_string(packet& p, std::string_view text);
    bool reason_strings() const { return version() == version_5 && problem_info_; }

    // ---- SUBSCRIBE, UNSUBSCRIBE: subscribe.cpp ----
    void on_subscribe();
    void on_unsubscribe();
    void on_suback(const weft_flush& f);
    bool count_filter(std::string_view filter, uint64_t& added);
    void uncount_filter(uint64_t hash);
    void answer_request(packet_type t, uint16_t id, std::vector<uint8_t>& reasons,
                        std::string_view text);
    violation check_subscription(const subscription& s, bool has_id) const;

    uint8_t version() const { return decoder_.version(); }
    std::string_view client_id() const { return {names_.get(), client_id_size_}; }
    std::string_view peer() const { return {names_.get() + client_id_size_, peer_size_}; }
    std::string_view identity() const {
        return {names_.get() + client_id_size_ + peer_size_, identity_size_};
    }
    timer_wheel::tick idle_ticks() const { return server::to_ticks(keep_alive_s_ * 1'500ull); }
    // Of CONNECT; null when it named none, or that of a guard.
    const auth_method* method() const { return extras_ ? extras_->method : nullptr; }
    // The earlier one of the keep alive and the end of what a guard has vouched for.
    void arm_connected();

    uint64_t auth() const { return extras_ ? extras_->guard.session.id() : 0; }
    // For routes that ask who it is; null when it is nobody, or when none asks.
    const weft_guard_session* who() const {
        return extras_ && server_.config.routes.personal() ? session_of(server_.here, auth())
                                                           : nullptr;
    }
    uint64_t expires_ms() const { return extras_ ? extras_->guard.expires_ms : WEFT_GUARD_NEVER; }
    bool asks_guard() const { return extras_ && extras_->guard.asked; }
    bool expired() const {
        const uint64_t at = expires_ms();
        return at != WEFT_GUARD_NEVER && server_.here.wall_ms() >= at;
    }

    // A SUBSCRIBE that the provider has not answered.
    struct request {
        uint16_t packet_id = 0;
        std::vector<uint8_t> reasons;  // pending where the provider's answer goes
        std::vector<uint64_t> added;   // per filter: its hash if subscribed_ got it, else 0
        static constexpr uint8_t pending = 0xff;
    };
    // Filters of this connection, by hash, sorted; counted against a limit, used for nothing else.
    struct subscribed {
        std::vector<uint64_t> filters;
        std::vector<request> requests;
    };

    extras& want_extras() {
        if (!extras_) extras_ = std::make_unique<extras>();
        return *extras_;
    }
    void each_side(auto&& f) const {
        if (!extras_) return;
        for (const auto& x : extras_->sides) f(x.to);
    }

    friend class server;

    // In an order that leaves no gaps: thousands of these do nothing.
    uint16_t requests_pending_ = 0;
    state state_ = state::awaiting_connect;
    uint8_t qos_max_ = 2;
    server& server_;
    stream net_, session_;
    uint64_t session_exit_ = 0;
    [[no_unique_address]] decoder decoder_;  // the next three lie in its padding
    uint8_t peer_size_ = 0;
    uint16_t client_id_size_ = 0;
    uint16_t identity_size_ = 0;
    std::unique_ptr<char[]> names_;  // client id, peer address, identity
    std::unique_ptr<handshake> handshake_;
    std::unique_ptr<inbox> inbox_;
    std::unique_ptr<outbox> outbox_;
    std::unique_ptr<extras> extras_;
    std::unique_ptr<subscribed> subscribed_;
    inflight inflight_;
    timer_wheel::tick last_heard_ = 0;
    uint32_t packet_size_max_ = packet_size_limit;  // of what the client takes
    uint32_t session_expiry_s_ = 0;
    uint32_t ungranted_bytes_ = 0;  // of deliveries, received since credit was last granted
    uint16_t keep_alive_s_ = 0;
    uint16_t receive_max_ = 0;
    reason goodbye_code_ = reason::success;
    uint8_t capabilities_ = 0;
    bool dirty_ : 1 = false;  // the server's: on its list for this turn
    bool problem_info_ : 1 = true;
    bool assigned_id_ : 1 = false;
    bool is_version_31_ : 1 = false;
    bool goodbye_ : 1 = false;       // DISCONNECT received
    bool net_ended_ : 1 = false;     // END received
    bool discarding_ : 1 = false;    // the rest of a refused PUBLISH's payload
    bool mid_delivery_ : 1 = false;  // a PUBLISH to the client is written in part
    bool skipping_ : 1 = false;      // the rest of a dropped delivery
    bool left_ : 1 = false;          // END sent on the network stream
    bool counted_ : 1 = false;       // in the connections gauge
    bool in_quota_ : 1 = false;      // counted for its identity
    bool bearer_ : 1 = false;        // the method of CONNECT is OAUTHBEARER, of a guard
};

}  // namespace weft::mqtt
