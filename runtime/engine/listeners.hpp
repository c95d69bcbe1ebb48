// Listening sockets, owned by the process and leased to instances, one per worker and address.
// Generations of a binding hold the same socket side by side, through a descriptor each.
#pragma once

#include <weft/abi.h>

#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>

struct addrinfo;

namespace weft {

class listeners {
public:
    ~listeners();
    uint64_t lease(uint32_t worker, const std::string& binding, const std::string& host,
                   uint16_t port, int32_t backlog, int* fd, weft_error* e);
    // Bindings that a reload is about to replace or remove: others may share their sockets until
    // they let go of them.
    void set_leaving(std::set<std::string> bindings);
    void release(uint64_t lease);

    // Addresses that others than this machine can reach, with the binding that listens there.
    std::map<std::string, std::string> beyond_loopback() const;

private:
    struct entry {
        std::string address;
        bool loopback;
        std::string binding;
        uint32_t worker;
        int fd;
    };
    int socket_for(uint32_t worker, const std::string& binding, const std::string& address,
                   const addrinfo& where, weft_error* e);

    mutable std::mutex mutex_;
    std::map<uint64_t, entry> entries_;
    std::set<std::string> leaving_;
    uint64_t next_ = 0;
};

}  // namespace weft
