// One session: its claim and records on the sessions topic, and the connection of its client.
//
//   waiting -> claiming -> loading -> preparing -> accepted -> away -> closed
//                                                         \-> handing_over -> closed
//
// waiting: for Kafka, and for an older connection of this process with the same client id, which
// is handing_over: its writes are not answered yet. claiming: C#owner is written and not read back
// yet. loading: the records up to the claim are read; an owner elsewhere that has not let go reads
// the claim meanwhile and says in its last word what its client has acknowledged. preparing: what
// the client's CONNECT changes is written. away: the client is gone, the session is still ours: a
// will or the end of the session is to come. Whoever reads a higher claim stops at once and writes
// nothing more. What idle clients do not need is made when they need it.
#pragma once

#include "mapping/reasons.hpp"
#include "session/publisher.hpp"
#include "session/qos2_in.hpp"
#include "session/registry.hpp"
#include "session/session_load.hpp"
#include "session/session_store.hpp"
#include "session/subscriber.hpp"

#include <memory>
#include <string_view>

namespace weft::mqtt_kafka {

class proxy;

// Packet types of acknowledgements (MQTT 5, 2.1.2).
inline constexpr uint8_t puback_type = 4, pubrec_type = 5, pubrel_type = 6, pubcomp_type = 7;

class session final : public endpoint, public registered_session {
public:
    session(proxy& p, stream s, const meta_view<weft_mqtt_begin>& begin, uint64_t auth);
    ~session() override;

    // Claims the session if Kafka is there, else waits for it.
    void start();
    // Something that the session waits for may have changed.
    void retry();
    // It has waited long enough.
    void give_up();

    int64_t epoch() const { return epoch_; }
    int64_t nonce() const { return nonce_; }
    // What the guard's session it was opened with may do; that of a connection does not change.
    route_rights rights() const { return rights_; }
    uint64_t auth() const { return auth_; }
    // Does it outlive its connection?
    bool durable() const { return expiry_s_ > 0; }
    // Is there a client?
    bool open() const { return state_ <= state::accepted; }
    stream out() const { return stream_; }
    // There is something to be done without a client.
    bool has_writes() const { return unanswered_ > 0; }
    bool lingers() const {
        return state_ == state::away || state_ == state::handing_over || publishing_will_ ||
               (unanswered_ > 0 && !fenced_);
    }

    void send_ack(uint8_t packet_type, uint16_t packet_id, const refusal& why);
    // Ends the client: CONNACK before it was accepted, DISCONNECT after.
    void end_client(const refusal& why);

    // What other connections of this process with its client id do.
    void on_registry(bool first, bool superseded);

    // From the store.
    void on_claimed(int32_t partition, int64_t offset);
    void on_other_claim(int64_t offset);
    void on_epoch(session_key key, int64_t epoch, int64_t offset);
    void on_left(int64_t epoch, int64_t offset, std::string inflight, int64_t written_ms);
    void on_written(session_key key, const refusal& why);
    void on_loaded(loaded_session& from);
    // From the publisher.
    void on_will_published();
    void on_publishes_answered();
    // Something that a session without a client waited for is answered.
    void on_settled();
    // It is known whether the session may use a Kafka topic that it was asked for.
    void on_access();

    // This value of a durable session is to be written, at the end of the wake-up.
    void changed(session_key key);
    // Within a second: what may be repeated after a crash.
    void changed_lazily();
    bool settled(session_key key) const { return !((dirty_ | writing_) & bit(key)); }
    void flush_records();

    qos2_in& received();  // QoS 2 publishes of the client
    qos2_in* maybe_received() { return qos2_.get(); }
    subscriber* subscriptions() { return subscriber_.get(); }

    void on_data(stream, const weft_data& d) override;
    void on_flush(stream, const weft_flush& f) override;
    void on_window(stream, const weft_window& w) override;
    void on_end(stream, const weft_frame& f) override;
    void on_abort(stream, const weft_frame&) override { leave(false); }
    void on_reset(stream, const weft_frame&) override { leave(false); }
    void on_closed(stream) override;

private:
    enum class state : uint8_t {
        waiting,
        claiming,
        loading,
        preparing,
        accepted,
        away,
        handing_over,
        closed
    };
    // A will that the client has brought.
    struct own_will {
        will_message message;
        uint32_t delay_s = 0;
        uint32_t missing = 0;  // payload bytes still to come
        uint64_t at = 0;       // when it is due, wall clock, ms; 0: that is not known yet
        bool begun = false, stored = false;
    };
    proxy& owner() const { return *static_cast<proxy*>(home->ctx); }
    static uint8_t bit(session_key k) { return static_cast<uint8_t>(1u << static_cast<int>(k)); }

    void claim();
    void continue_if_loaded();
    bool waits_for_last_word();
    void on_last_word_late();
    void stop_timer();
    bool resume(loaded_session& from, bool& present);
    void settle_old_will(loaded_session& from, bool session_goes_on);
    void prepare();
    void accept();
    void restore();
    void write_again(session_key key);
    void take_over_ends();
    void wait();
    subscriber& want_subscriber();

    void take_will(const weft_data& d);
    bool will_admitted();
    void store_will();
    void forget_will();
    void publish_will();

    // The connection is over; `in_order`: by a DISCONNECT that discards the will.
    void leave(bool in_order);
    void close_stream(const refusal& why);
    void put_down(state then);
    void hand_over();
    void stay_away();
    void arm_away();
    void on_away_timer();
    void end_session();
    void put(session_key key, std::optional<std::string_view> value,
             std::string_view lifetime_id = {}, bool last_word = false);
    void put_last_word();
    std::string expiry_signal(int64_t at_ms) const;
    std::string will_signal(int64_t at_ms) const;
    int64_t will_delay_ms() const;
    uint64_t will_at() const { return will_ ? will_->at : 0; }

    // What it needs while it begins, or is without its client.
    struct passing {
        std::unique_ptr<session_load> load;
        std::unique_ptr<loaded_session> loaded;
        uint64_t expire_at = 0;  // wall clock, ms; 0: never
        uint64_t timer = 0;      // of the last word that is awaited, or of the time away
        uint16_t preparing = 0;  // writes that the CONNACK waits for
        uint8_t late = 0;        // by session_key: written late by an owner before us
        bool waited = false;     // long enough for an earlier owner's last word
        topic_use will_topic;    // of the will, while it is asked for
    };
    passing& want_passing() {
        if (!passing_) passing_ = std::make_unique<passing>();
        return *passing_;
    }
    loaded_session* loaded() const { return passing_ ? passing_->loaded.get() : nullptr; }

    // In an order that leaves no gaps: thousands of these do nothing.
    bool clean_start_ : 1, present_ : 1 = false;
    bool publishing_will_ : 1 = false, settling_ : 1 = false;
    bool fenced_ : 1 = false;  // somebody else owns the session
    bool first_ : 1 = false;   // no older one of this process has to finish first
    state state_ = state::waiting;
    uint8_t version_;
    // By session_key: to be written, under way, there.
    uint8_t dirty_ = 0, writing_ = 0, stored_ = 0;

public:
    bool flush_listed : 1 = false, lazy_listed : 1 = false,
                        sweep_listed : 1 = false;  // the proxy's
    bool asked : 1 = false;                        // it may be in an access_link
    uint64_t ticket = 0;                           // the waiting list's
    session* same_bucket = nullptr;                // of sessions_by_id
    [[no_unique_address]] publish_credit credit;   // the publisher's; the next lies in its padding

private:
    uint32_t window_max_ = 0;  // of the last WINDOW
    stream stream_;
    std::unique_ptr<subscriber> subscriber_;
    std::unique_ptr<passing> passing_;
    std::unique_ptr<own_will> will_;
    std::unique_ptr<qos2_in> qos2_;
    const route_rights rights_;
    const uint64_t auth_;
    int64_t epoch_ = -1;
    int64_t nonce_;
    uint32_t expiry_s_;
    uint16_t receive_max_;
    uint16_t unanswered_ = 0;  // writes of records
};

}  // namespace weft::mqtt_kafka
