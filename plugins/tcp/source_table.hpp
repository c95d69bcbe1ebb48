// source_table: what the sources of connections have taken of their limits. One per binding, shared
// by its workers and generations (weft.shared/1, so plain data): a limit that each worker kept for
// itself would grow with their number. The lock is held for a lookup, when a connection comes and,
// if they are counted, when it goes.
//
// A source that has no connection counted is remembered until others push it out; so memory is
// bounded by `remembered` and the connections that are open.
#pragma once

#include "address.hpp"
#include "config.hpp"

#include <weft/shared.hpp>

#include <cstdint>
#include <string>

namespace weft::tcp {

// An IPv4 address, or the /64 of an IPv6 one: who has one address there has all.
struct source_key {
    uint64_t prefix = 0;
    uint8_t bits = 0;  // 32, 64; 0: not of the internet

    static source_key of(const socket_address& a);
    bool operator==(const source_key&) const = default;
    std::string text() const;  // "192.0.2.1", "2001:db8::/64"
};

class source_table {
public:
    static constexpr const char* name = "tcp.sources.of.";
    static constexpr uint32_t version = 1;

    source_table();
    ~source_table();
    source_table(const source_table&) = delete;
    source_table& operator=(const source_table&) = delete;

    enum class outcome : uint8_t { admitted, over_rate, over_connections, no_memory };
    struct verdict {
        outcome is = outcome::admitted;
        uint32_t slot = 0;  // admitted: for release, if connections are counted
        // Refused: whether it is time to tell. Then: how many of this source, and how many of all
        // sources, were refused since they were last told.
        bool tell = false;
        uint64_t of_source = 0, of_all = 0;
    };
    verdict admit(const source_key& key, const source_limits& limits, uint64_t now_ns);
    // A connection that was counted is over.
    void release(uint32_t slot, const source_limits& limits);
    uint32_t size() const { return used_; }

private:
    static constexpr uint32_t none = UINT32_MAX;
    struct entry {
        source_key key;
        uint64_t due_ns = 0;  // when all that it took of its rate is given back
        uint64_t refused = 0;
        uint32_t open = 0;
        uint32_t next = none;                 // in its chain, or of the free ones
        uint32_t older = none, newer = none;  // while it has no connection
    };

    uint32_t& chain_of(const source_key& key);
    uint32_t find(const source_key& key);
    uint32_t make(const source_key& key);  // none: no memory
    bool grow();
    void drop(uint32_t at);
    void link(uint32_t at);
    void unlink(uint32_t at);
    void forget_beyond(uint32_t count);
    verdict refuse(entry& e, outcome why, uint64_t now_ns);

    plain_mutex mutex_;
    uint64_t seed_ = 0, quiet_until_ns_ = 0, refused_ = 0;
    entry* entries_ = nullptr;
    uint32_t* chains_ = nullptr;
    uint32_t room_ = 0;  // entries and chains; a power of two
    uint32_t used_ = 0, made_ = 0, idle_ = 0;
    uint32_t free_ = none, oldest_ = none, newest_ = none;
};

}  // namespace weft::tcp
