// The proxy kind: looks at the ClientHello, chooses the route, and passes every byte on as it is.
#pragma once

#include "hello.hpp"
#include "hub.hpp"

#include <weft/pipe.hpp>

#include <memory>

namespace weft::tls {

class proxy_instance final : public instance {
public:
    proxy_instance(worker w, const tls_config& c);
    endpoint* accept(stream s, const weft_begin& b) override;

    const worker here;
    const tls_config& config;
    event_limits events{event_kinds_max};
    metric refused;
};

class proxy_connection final : public endpoint {
public:
    proxy_connection(proxy_instance& of, stream client, const weft_begin& b);

    void on_data(stream, const weft_data& d) override;
    void on_window(stream, const weft_window&) override;
    void on_end(stream, const weft_frame&) override;
    void on_abort(stream, const weft_frame&) override { tear_down(); }
    void on_reset(stream, const weft_frame&) override { tear_down(); }
    void on_closed(stream) override;

private:
    // The other stream, to the exit.
    struct exit_end final : endpoint {
        explicit exit_end(proxy_connection& c) : of(c) {}
        void on_data(stream, const weft_data& d) override { of.down_.data(d); }
        void on_window(stream, const weft_window&) override { of.move_up(); }
        void on_end(stream, const weft_frame&) override { of.down_.end(); }
        void on_abort(stream, const weft_frame&) override { of.tear_down(); }
        void on_reset(stream, const weft_frame&) override { of.tear_down(); }
        void on_drain(stream, const weft_frame&) override {
            if (of.client_open_) of.client_.drain();
        }
        void on_closed(stream) override { of.exit_closed(); }
        proxy_connection& of;
    };

    void look(const weft_data& d);
    void connect();
    void refuse(const char* id, const std::string& text);
    void move_up();
    void tear_down();
    void exit_closed();
    void disarm();
    void on_timer();
    void free_if_closed();

    proxy_instance& owner_;
    stream client_, exit_;
    exit_end exit_end_{*this};
    pipe up_, down_;
    std::unique_ptr<hello> hello_;
    std::string local_, remote_;
    uint16_t local_port_ = 0, remote_port_ = 0;
    const uint64_t trace_, auth_, affinity_;
    uint64_t client_granted_ = 0, exit_granted_ = 0, timer_ = 0;
    bool client_open_ = true, exit_open_ = false, ended_ = false;
};

}  // namespace weft::tls
