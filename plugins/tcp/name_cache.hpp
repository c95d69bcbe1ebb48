// Names of this machine's own addresses, looked up in the task pool and remembered: for server
// routes by authority. A worker never waits for a resolver; what needs a name that is not known yet
// waits as a callback.
#pragma once

#include "address.hpp"

#include <weft/worker.hpp>

#include <functional>
#include <list>
#include <string>
#include <vector>

namespace weft::tcp {

class name_cache {
public:
    // `name` is the address's literal text when it has no name.
    using callback = std::function<void(const std::string& name)>;

    explicit name_cache(worker w) : worker_(w) {}

    // Calls `then` with the name of `a`: at once when it is known, else later on this worker.
    void with_name(const socket_address& a, callback then);

private:
    struct entry {
        ip_address address;
        std::string name;
        uint64_t fresh_until_ns = 0;  // 0: never looked up
        bool asking = false;
        std::vector<callback> waiting;
    };
    struct lookup;

    entry& find(const ip_address& a);
    void refresh(entry& e, const socket_address& a);
    void answered(const ip_address& a, std::string name, bool found);

    worker worker_;
    std::list<entry> entries_;  // most recently used first; few: a machine has few addresses
};

}  // namespace weft::tcp
