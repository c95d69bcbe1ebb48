// session: one TLS connection between two streams: `net`, whose bytes are encrypted, and `app`,
// whose are not. Server and client differ in which of them was there first. See README.md for its
// states.
#pragma once

#include "hub.hpp"
#include "transport.hpp"

#include <weft/meta.hpp>

#include <string>
#include <vector>

namespace weft::tls {

class session {
public:
    session(hub& h, std::shared_ptr<const context> c);
    virtual ~session();
    session(const session&) = delete;
    session& operator=(const session&) = delete;

    void write();  // called by the hub at the end of the turn
    // The process ends, or the deadline of a drain is here.
    void say_goodbye();
    // A newer generation takes what is new.
    virtual void move_on() {}

    session *next = nullptr, **to_this = nullptr;  // the hub's list

protected:
    enum class phase : uint8_t {
        before,       // there is no connection yet
        handshaking,  //
        waiting,      // the handshake is done, the application not there
        listening,    // and will be chosen by the first byte
        open,         //
        over          // it failed
    };

    struct net_end final : endpoint {
        explicit net_end(session& s) : of(s) {}
        void on_begin(stream, const weft_begin& b) override { of.net_begun(b); }
        void on_data(stream, const weft_data& d) override { of.net_data(d); }
        void on_window(stream, const weft_window&) override { of.net_window(); }
        void on_end(stream, const weft_frame& f) override { of.net_ended(f); }
        void on_abort(stream, const weft_frame& f) override { of.net_broke(f); }
        void on_reset(stream, const weft_frame& f) override { of.net_broke(f); }
        void on_drain(stream, const weft_frame&) override {
            if (of.app_open_) of.app_.drain();
        }
        void on_closed(stream) override { of.net_closed(); }
        session& of;
    };
    struct app_end final : endpoint {
        explicit app_end(session& s) : of(s) {}
        void on_data(stream, const weft_data& d) override { of.app_data(d); }
        void on_window(stream, const weft_window&) override { of.app_window(); }
        void on_end(stream, const weft_frame&) override { of.app_ended(); }
        void on_abort(stream, const weft_frame&) override { of.tear_down(); }
        void on_reset(stream, const weft_frame&) override { of.app_stopped(); }
        void on_drain(stream, const weft_frame&) override {
            if (of.net_open_) of.net_.drain();
        }
        void on_closed(stream) override { of.app_closed(); }
        session& of;
    };

    virtual void net_begun(const weft_begin&) {}
    virtual void established() = 0;
    virtual void first_byte_seen(uint8_t) {}
    // Why there will be no application stream, or why it ends.
    virtual void tell_app(const failure& f) = 0;
    virtual std::string peer() const = 0;

    // The handshake begins: false when it may not, and then nothing has.
    bool prepare();
    void start();
    // The application's stream is there and begun: bytes may go both ways.
    void open_up();
    // first_byte_seen follows, or the end.
    void listen();
    void close_quietly();
    void tear_down(const weft_meta* why = nullptr);
    void free_if_closed();

    hub& hub_;
    const std::shared_ptr<const context> context_;
    ssl_ptr ssl_;
    connection_facts facts_;
    net_end net_end_{*this};
    app_end app_end_{*this};
    stream net_, app_;
    bool net_open_ = false, app_open_ = false;
    bool asking_ = false;          // a guard is to answer: we are needed until then
    bool net_takes_keys_ = false;  // what holds the socket is our neighbour
    phase phase_ = phase::before;

private:
    void net_data(const weft_data& d);
    void net_window();
    void net_ended(const weft_frame& f);
    void net_broke(const weft_frame& f);
    void net_closed();
    void app_data(const weft_data& d);
    void app_window();
    void app_ended();
    void app_stopped();
    void app_closed();

    void pump();
    void handshake();
    void peek();
    void read();
    bool read_record();
    bool new_keys_wanted() const;
    void input_over(bool clean);
    void encrypt();
    void flush();
    void settle();
    void grant_net();
    void grant_app();
    void fail(const failure& f);
    void handshake_is_over();

    void arm(uint64_t ns);
    void disarm();
    void on_timer();

    transport io_;
    std::vector<chunk> plain_;  // of this turn, not encrypted yet
    std::string farewell_;      // why the connection is given up by our side
    uint64_t plain_reserved_ = 0;
    uint64_t net_granted_ = 0, app_granted_ = 0;
    uint64_t timer_ = 0;
    bool in_over_ = false;      // no more plaintext comes, or is wanted
    bool out_ended_ = false;    // the application has said all it has to say
    bool notified_ = false;     // close_notify is written
    bool net_in_over_ = false;  // nothing more arrives
    bool net_out_over_ = false;
    bool writing_later_ = false;
    bool counted_ = false;  // among the handshakes under way
};

}  // namespace weft::tls
