// The server kind: listens, accepts, routes, and opens a stream per connection.
#pragma once

#include "connection.hpp"
#include "event_limiter.hpp"
#include "name_cache.hpp"

#include <weft/plugin.hpp>

#include <array>
#include <atomic>

namespace weft::tcp {

// Connections that tcp servers hold, per worker; clients are not in it. One per process and plugin.
class capacity {
public:
    std::atomic<uint32_t>& of(const worker& w) { return open_[w.index() % limits::workers_max]; }

private:
    std::array<std::atomic<uint32_t>, limits::workers_max> open_{};
};

class server_binding : public binding {
public:
    server_binding(const binding_config& c, capacity& shared) : config(c), all_servers(shared) {}
    std::unique_ptr<instance> attach(worker w) override;

    const server_config config;
    capacity& all_servers;
    std::atomic<uint32_t> open{0};  // connections of this binding, all workers
};

class server_instance : public instance, public hub {
public:
    server_instance(worker w, server_binding& owner);
    ~server_instance() override;

    endpoint* accept(stream, const weft_begin&) override {
        return nullptr;
    }  // a server is nobody's exit
    void drain(uint32_t why, uint64_t deadline_ns) override;

private:
    struct listener {
        server_instance* owner;
        uint16_t port;
        int fd = -1;
        uint64_t lease = 0, watch = 0;
        void on_ready(uint32_t events);
    };

    void listen(listener& l);
    void stop_listening();
    bool accept_one(listener& l);  // false: nothing left, or a pause
    void pause(int error);
    void resume();
    bool admit(int fd, const socket_address& peer);
    void route(int fd, const socket_address& local, const socket_address& peer);
    void serve(int fd, const socket_address& local, const socket_address& peer,
               std::string_view name);
    void on_socket_closed() override;

    server_binding& owner_;
    std::atomic<uint32_t>& worker_open_;
    metric accepted_, refused_;
    event_limiter capacity_events_, accept_events_, route_events_;
    name_cache names_;
    meta_writer<weft_tcp_begin> begin_;
    uint64_t pause_timer_ = 0;
    bool draining_ = false;
    std::vector<std::unique_ptr<listener>> listeners_;
};

}  // namespace weft::tcp
