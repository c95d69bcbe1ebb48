// Listening sockets, owned by the process and leased to bindings, one per worker and address.
#pragma once

#include <weft/abi.h>

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace weft {

class listeners {
public:
    ~listeners();
    uint64_t lease(uint32_t worker, const std::string& binding, const std::string& host,
                   uint16_t port, int32_t backlog, int* fd, weft_error* e);
    void release(uint64_t lease);

private:
    struct entry {
        std::string address;
        std::string binding;
        uint32_t worker;
        int fd;
    };
    std::mutex mutex_;
    std::map<uint64_t, entry> entries_;
    uint64_t next_ = 0;
};

}  // namespace weft
