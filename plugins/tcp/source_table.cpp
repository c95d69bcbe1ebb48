#include "source_table.hpp"

#include <arpa/inet.h>
#include <sys/random.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <mutex>

namespace weft::tcp {

source_key source_key::of(const socket_address& a) {
    const auto ip = ip_address::of(a);
    source_key k;
    const size_t n = std::min<size_t>(ip.size, 8);
    for (size_t i = 0; i < n; ++i) k.prefix = k.prefix << 8 | ip.bytes[i];
    k.bits = static_cast<uint8_t>(n * 8);
    return k;
}

std::string source_key::text() const {
    uint8_t bytes[16]{};
    for (unsigned i = 0; i < bits / 8u; ++i)
        bytes[i] = static_cast<uint8_t>(prefix >> (bits - 8 - i * 8));
    char out[INET6_ADDRSTRLEN];
    if (!inet_ntop(bits == 32 ? AF_INET : AF_INET6, bytes, out, sizeof out)) return {};
    return bits == 32 ? std::string(out) : std::string(out) + "/64";
}

// Peers choose their addresses, at least of IPv6: which of them meet in a chain is not for them to
// know.
source_table::source_table() {
    if (getrandom(&seed_, sizeof seed_, GRND_NONBLOCK) != sizeof seed_)
        seed_ = reinterpret_cast<uintptr_t>(this);
}

source_table::~source_table() {
    std::free(entries_);
    std::free(chains_);
}

source_table::verdict source_table::admit(const source_key& key, const source_limits& limits,
                                          uint64_t now_ns) {
    const std::lock_guard lock(mutex_);
    uint32_t at = find(key);
    if (at == none) {
        forget_beyond(limits.remembered - 1);
        at = make(key);
        if (at == none) return {outcome::no_memory, 0, false, 0, 0};
    } else if (entries_[at].open == 0) {
        unlink(at);
        link(at);
    }
    entry& e = entries_[at];
    if (limits.connections != 0 && e.open >= limits.connections)
        return refuse(e, outcome::over_connections, now_ns);
    if (limits.rate != 0) {
        // A bucket of `burst` that fills at `rate`, as the one time at which it is full again.
        const uint64_t each_ns = 1'000'000'000 / limits.rate;
        // Under another rate before a reload it may have taken more time than the bucket holds.
        e.due_ns = std::clamp(e.due_ns, now_ns, now_ns + each_ns * limits.burst);
        if (e.due_ns - now_ns > each_ns * (limits.burst - 1))
            return refuse(e, outcome::over_rate, now_ns);
        e.due_ns += each_ns;
    }
    if (limits.connections != 0 && e.open++ == 0) unlink(at);
    return {outcome::admitted, at, false, 0, 0};
}

source_table::verdict source_table::refuse(entry& e, outcome why, uint64_t now_ns) {
    constexpr uint64_t interval_ns = 1'000'000'000;
    ++e.refused;
    ++refused_;
    if (now_ns < quiet_until_ns_) return {why, 0, false, 0, 0};
    quiet_until_ns_ = now_ns + interval_ns;
    return {why, 0, true, std::exchange(e.refused, 0), std::exchange(refused_, 0)};
}

void source_table::release(uint32_t slot, const source_limits& limits) {
    const std::lock_guard lock(mutex_);
    if (--entries_[slot].open != 0) return;
    link(slot);
    forget_beyond(limits.remembered);
}

// ---- the table ----

uint32_t& source_table::chain_of(const source_key& key) {
    // splitmix64
    uint64_t h = (key.prefix ^ seed_) + key.bits * 0x9e3779b97f4a7c15u;
    h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9u;
    h = (h ^ h >> 27) * 0x94d049bb133111ebu;
    return chains_[(h ^ h >> 31) & (room_ - 1)];
}

uint32_t source_table::find(const source_key& key) {
    if (room_ == 0) return none;
    uint32_t at = chain_of(key);
    while (at != none && !(entries_[at].key == key)) at = entries_[at].next;
    return at;
}

uint32_t source_table::make(const source_key& key) {
    if (free_ == none && made_ == room_ && !grow()) return none;
    const uint32_t at = free_ != none ? free_ : made_++;
    if (at == free_) free_ = entries_[at].next;
    uint32_t& chain = chain_of(key);
    entries_[at] = {};
    entries_[at].key = key;
    entries_[at].next = std::exchange(chain, at);
    ++used_;
    link(at);
    return at;
}

bool source_table::grow() {
    constexpr uint32_t room_least = 64;
    if (room_ > UINT32_MAX / 4) return false;
    const uint32_t room = std::max(room_ * 2, room_least);
    auto* entries = static_cast<entry*>(std::malloc(room * sizeof(entry)));
    auto* chains = static_cast<uint32_t*>(std::malloc(room * sizeof(uint32_t)));
    if (!entries || !chains) {
        std::free(entries);
        std::free(chains);
        return false;
    }
    std::copy_n(entries_, made_, entries);
    std::fill_n(chains, room, none);
    std::free(std::exchange(entries_, entries));
    std::free(std::exchange(chains_, chains));
    room_ = room;
    // It grows when none is free, so all of them are in use.
    for (uint32_t i = 0; i < made_; ++i)
        entries_[i].next = std::exchange(chain_of(entries_[i].key), i);
    return true;
}

void source_table::drop(uint32_t at) {
    unlink(at);
    uint32_t* from = &chain_of(entries_[at].key);
    while (*from != at) from = &entries_[*from].next;
    *from = entries_[at].next;
    entries_[at].next = std::exchange(free_, at);
    --used_;
}

void source_table::link(uint32_t at) {
    entry& e = entries_[at];
    e.older = std::exchange(newest_, at);
    e.newer = none;
    (e.older == none ? oldest_ : entries_[e.older].newer) = at;
    ++idle_;
}

void source_table::unlink(uint32_t at) {
    const entry& e = entries_[at];
    (e.older == none ? oldest_ : entries_[e.older].newer) = e.newer;
    (e.newer == none ? newest_ : entries_[e.newer].older) = e.older;
    --idle_;
}

void source_table::forget_beyond(uint32_t count) {
    while (idle_ > count) drop(oldest_);
}

}  // namespace weft::tcp
