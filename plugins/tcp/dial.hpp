// dial: one attempt to reach a destination: name resolution in the task pool, then connects as
// happy_eyeballs says, all within one time limit. Lives while connecting; destroying it gives the
// attempt up.
#pragma once

#include "happy_eyeballs.hpp"
#include "hub.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace weft::tcp {

struct destination {
    std::string host;
    uint16_t port = 0;
    bool check_permitted = false;  // against the binding's routes, once the addresses are known
    uint64_t auth = 0;             // of the stream, for guarded routes
};

// Told once how a dial ended; may destroy the dial in the call.
class dial_listener {
public:
    virtual void on_dialled(int fd) = 0;  // takes over the socket
    virtual void on_dial_failed(int error, const std::string& text) = 0;

protected:
    ~dial_listener() = default;
};

// What the dials of one instance share.
struct dial_context {
    const worker& loop;
    const client_config& settings;
    // A name could not be resolved: the event is the instance's, for its rate limit.
    virtual void on_name_failed(const std::string& host) = 0;

    dial_context(const worker& w, const client_config& c) : loop(w), settings(c) {}

protected:
    ~dial_context() = default;
};

class dial {
public:
    dial(dial_context& context, dial_listener& listener, destination to);
    ~dial();
    dial(const dial&) = delete;
    dial& operator=(const dial&) = delete;

    void start();

private:
    struct lookup;
    struct attempt {
        dial* owner;
        size_t index;
        int fd;
        uint64_t watch = 0;
        ~attempt();
        void on_ready(uint32_t events);
    };

    void connect_to(std::vector<socket_address> addresses);
    void advance();
    // 0 when under way, else the errno.
    int try_address(size_t index);
    void finish(attempt& a);
    void on_stagger();
    void on_timeout();
    void fail(int error, const std::string& why);

    dial_context& context_;
    dial_listener& listener_;
    destination to_;
    lookup* lookup_ = nullptr;  // in the pool; it outlives us and asks back
    std::optional<happy_eyeballs> race_;
    std::vector<std::unique_ptr<attempt>> attempts_;
    uint64_t deadline_timer_ = 0, stagger_timer_ = 0;
};

}  // namespace weft::tcp
