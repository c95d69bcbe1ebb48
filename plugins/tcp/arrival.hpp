// arrival: a connection whose first bytes decide what becomes of it: a PROXY header, or the first
// byte of what its client says; or of which a guard is asked who the header says it is. They are
// looked at where they are, in the kernel; only a header is taken out. It is the server's, and ends
// within a time limit.
#pragma once

#include "address.hpp"

#include <weft/guard.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace weft::tcp {

class server_instance;

// A connection that was accepted and counted.
struct accepted {
    int fd = -1;
    socket_address local, peer;
    std::shared_ptr<const auth_ref> session = {};  // null: anonymous
};

class arrival {
public:
    enum class awaits : uint8_t { proxy_header, first_byte, guard };

    // `name`: of the local address, if routes ask for it.
    arrival(server_instance& owner, const accepted& c, awaits what, std::string name)
        : owner_(owner), who_(c), name_(std::move(name)), awaits_(what) {}
    // Closes the connection, unless it was taken.
    ~arrival();
    arrival(const arrival&) = delete;
    arrival& operator=(const arrival&) = delete;

    void start();  // may end it, and so delete this
    const accepted& who() const { return who_; }
    const std::string& name() const { return name_; }
    // It was passed on for somebody.
    void set_peer(const socket_address& a) { who_.peer = a; }
    // From now on it is the guard's answer that is awaited, no longer than the bytes would have
    // been. `number`: that of the question, which the server forgets with this.
    void await_guard(uint64_t number);
    // From now on it is somebody else's.
    accepted take();

    size_t slot = 0;  // the server's

private:
    void on_ready(uint32_t events);
    void on_timeout();
    bool look();  // false: nothing is looked for any more, and this may be gone
    bool look_for_header();
    void refuse(const std::string& why);
    void set_least(uint32_t bytes);
    void limit_time();

    server_instance& owner_;
    accepted who_;
    std::string name_;
    uint64_t watch_ = 0, timer_ = 0, asked_ = 0;
    uint32_t least_ = 1;
    awaits awaits_;
};

}  // namespace weft::tcp
