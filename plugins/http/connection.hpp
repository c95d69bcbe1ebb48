// connection: one HTTP/1.1 connection: requests one after the other, answers, and after a 101 a
// tunnel between its client and the exit. See README.md for its states.
#pragma once

#include "config.hpp"

#include <weft/origin.hpp>
#include <weft/pipe.hpp>

#include <memory>

namespace weft::http {

class server;

class connection final : public endpoint {
public:
    connection(server& owner, stream client, const weft_begin& b);

    void on_data(stream, const weft_data& d) override;
    void on_window(stream, const weft_window&) override;
    void on_end(stream, const weft_frame&) override;
    void on_abort(stream, const weft_frame&) override { tear_down(); }
    void on_reset(stream, const weft_frame&) override { tear_down(); }
    void on_closed(stream) override;

    // The process ends, or the deadline of a drain is here.
    void say_goodbye();
    // A newer generation takes what is new: the client may open its next stream there.
    void move_on();

    connection *next = nullptr, **to_this = nullptr;  // the server's list

private:
    enum class phase : uint8_t {
        head,       // a request is awaited or incomplete
        verifying,  // a guard looks at the request's credentials
        asking,     // the exit has the request and has not answered
        tunnel,     // it has answered 101
        answering,  // it has answered something else: its body passes through
        closing     // the last answer is on its way
    };

    // The other stream, to the exit.
    struct exit_end final : endpoint {
        explicit exit_end(connection& c) : of(c) {}
        void on_begin(stream, const weft_begin& b) override { of.exit_answered(b); }
        void on_data(stream, const weft_data& d) override { of.exit_data(d); }
        void on_window(stream, const weft_window&) override { of.exit_window(); }
        void on_end(stream, const weft_frame&) override { of.exit_ended(); }
        void on_abort(stream, const weft_frame&) override { of.exit_broke(); }
        void on_reset(stream, const weft_frame&) override { of.exit_refused(); }
        void on_drain(stream, const weft_frame&) override { of.client_.drain(); }
        void on_closed(stream) override { of.exit_closed(); }
        connection& of;
    };

    void read_heads();
    bool head_is_hopeless();
    void take_request(const request& r, std::string_view rest);
    void ask_guard(const request& r, std::string_view rest, std::string_view credentials);
    void guard_answered(auth_ref who);
    void forget_guard();
    void route_request(const request& r, std::string_view rest, bool guard_refused);
    uint64_t auth() const { return own_.id() ? own_.id() : auth_; }
    void watch_expiry();
    void on_expiry();
    void ask(const route& to, const request& r, std::string_view rest);
    void answer(int status, std::string_view text, bool keep_alive = false,
                std::string_view challenge = {});
    void fail_exit(int status, std::string_view text);
    bool say(std::string_view bytes);
    void close_behind_answer();
    void tear_down();
    void end_exit();

    void exit_answered(const weft_begin& b);
    void exit_data(const weft_data& d);
    void exit_window();
    void exit_ended();
    void exit_broke();
    void exit_refused();
    void exit_closed();

    void arm(uint64_t ns);
    void disarm();
    void on_timer();
    void free_if_closed();

    // A request whose credentials a guard looks at.
    struct pending_request {
        request head;
        std::string rest;
        // Shared with the answer, which comes also when the connection has gone.
        std::shared_ptr<connection*> asker;
    };

    server& owner_;
    stream client_, exit_stream_;
    exit_end exit_{*this};
    pipe up_, down_;  // to the exit, to the client
    uint64_t client_granted_ = 0, exit_granted_ = 0;
    uint64_t timer_ = 0;
    // Whose connection it is, for the exits; gone when the first has made it a tunnel.
    std::unique_ptr<kept_origin> origin_;
    const std::string_view scheme_;  // "https" behind tls
    const uint64_t trace_, auth_, affinity_;
    auth_ref own_;  // what the guard has said of the request under way
    std::unique_ptr<pending_request> pending_;
    std::string head_;     // bytes of a request that is not complete
    std::string upgrade_;  // what the request under way asks to become
    size_t searched_ = 0, empty_lines_ = 0;
    phase phase_ = phase::head;
    bool client_open_ = true, exit_open_ = false;
    bool client_ended_ = false;   // it sends no more
    bool leaving_ = false;        // the tunnel is given up
    bool head_timed_ = false;     // the timer is that of a head
    bool body_unwanted_ = false;  // the request was a HEAD
};

}  // namespace weft::http
