// The server kind: listens, accepts, routes, and opens a stream per connection.
#pragma once

#include "arrival.hpp"
#include "connection.hpp"
#include "name_cache.hpp"
#include "proxy_header.hpp"
#include "source_table.hpp"

#include <weft/event_limit.hpp>
#include <weft/plugin.hpp>
#include <weft/shared.hpp>
#include <weft/slab.hpp>

#include <atomic>
#include <unordered_map>

namespace weft::tcp {

// Connections that tcp servers hold, per worker; clients are not in it. One per process.
struct capacity {
    static constexpr const char* name = "tcp.capacity";
    static constexpr uint32_t version = 1;
    std::atomic<uint32_t> open[limits::workers_max]{};
};

// Connections of one binding, all workers and all its generations: a limit protects what a
// connection costs, and the older ones cost as much.
struct binding_capacity {
    static constexpr const char* name = "tcp.capacity.of.";
    static constexpr uint32_t version = 1;
    std::atomic<uint32_t> open{0};
};

class server_binding : public binding {
public:
    explicit server_binding(const binding_config& c)
        : config(c),
          all_servers(shared_ref<capacity>::acquire(capacity::name, capacity::version)),
          all_generations(shared_ref<binding_capacity>::acquire(
              binding_capacity::name + c.qualified_name(), binding_capacity::version)) {
        if (config.sources.any())
            sources = shared_ref<source_table>::acquire(source_table::name + c.qualified_name(),
                                                        source_table::version);
    }
    std::unique_ptr<instance> attach(worker w) override;

    const server_config config;
    const shared_ref<capacity> all_servers;
    const shared_ref<binding_capacity> all_generations;
    shared_ref<source_table> sources;  // empty: there is no limit of theirs
};

class server_instance : public instance, public hub {
public:
    server_instance(worker w, server_binding& owner);
    ~server_instance() override;

    endpoint* accept(stream, const weft_begin&) override {
        return nullptr;
    }  // a server is nobody's exit
    void drain(uint32_t why, uint64_t deadline_ns) override;
    void destroy(connection& c) override {
        if (!sessions_.empty()) sessions_.erase(&c);
        all_.destroy(&c);
    }

    // ---- called by an arrival, which is gone afterwards, unless a guard is asked ----
    void header_read(arrival& a, const proxy_header& h);
    void first_byte_seen(arrival& a, uint8_t first);
    void refuse_arrival(arrival& a, const std::string& why);
    void end_arrival(arrival& a);
    void forget_question(uint64_t number) { asking_.erase(number); }
    uint64_t arrival_timeout_ms() const { return owner_.config.arrival_timeout_ms; }

private:
    struct listener {
        server_instance* owner;
        uint16_t port;
        int fd = -1;
        uint64_t lease = 0, watch = 0;
        void on_ready(uint32_t events);
    };

    void take_leave_of_all(const weft_meta* why) override {
        all_.for_each([&](connection& c) { c.take_leave(why); });
    }
    void listen(listener& l);
    void stop_listening();
    bool accept_one(listener& l);  // false: nothing left, or a pause
    void pause(int error);
    void resume();
    void route(const accepted& c);
    void serve(const accepted& c, const std::string& name,
               std::optional<first_protocol> speaks = {});

    // ---- who may come in: admission.cpp ----
    bool admit(int fd, const socket_address& peer);
    bool admit_proxy(const socket_address& peer);
    bool admit_source(int fd, const socket_address& peer);
    bool admit_capacity(const socket_address& peer);
    void release_source(int fd);
    void on_socket_closed(int fd) override;

    // ---- whose first bytes are awaited: admission.cpp ----
    void await(const accepted& c, arrival::awaits what, const std::string& name);
    accepted take(arrival& a);
    bool has_arrivals() const override { return !arrivals_.empty(); }

    // ---- who a client is: authorization.cpp ----
    void ask_guard(arrival& a, const proxy_header& h);
    void refuse_peer(arrival& a, const std::string& name, const std::string& host,
                     std::string_view why);
    std::string unadmitted(const accepted& c) const;

    server_binding& owner_;
    std::atomic<uint32_t>& worker_open_;
    std::atomic<uint32_t>& open_;
    metric accepted_, refused_;
    event_limit capacity_events_, accept_events_, route_events_, arrival_events_,
        authorization_events_;
    name_cache names_;
    meta_writer<weft_tcp_begin> begin_;
    uint64_t pause_timer_ = 0;
    bool stopping_ = false;  // the process ends
    std::vector<std::unique_ptr<listener>> listeners_;
    uint64_t last_question_ = 0;
    std::unordered_map<uint64_t, arrival*> asking_;  // by question; before arrivals_, which use it
    std::vector<std::unique_ptr<arrival>> arrivals_;
    std::unordered_map<int, uint32_t> source_slots_;  // by descriptor, of those that are counted
    // Of connections that have one: no later than the streams that go by it.
    std::unordered_map<const connection*, std::shared_ptr<const auth_ref>> sessions_;
    slab<connection> all_;
};

}  // namespace weft::tcp
