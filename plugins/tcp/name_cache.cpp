#include "name_cache.hpp"

#include "limits.hpp"
#include "resolve.hpp"

#include <algorithm>

namespace weft::tcp {

// The cache outlives its lookups: detach waits for tasks.
struct name_cache::lookup {
    name_cache* cache;
    socket_address address;
    std::string name;

    void work() noexcept { name = name_of(address); }
    void done() {
        const bool found = name != address.host();
        cache->answered(ip_address::of(address), std::move(name), found);
    }
};

void name_cache::with_name(const socket_address& a, callback then) {
    entry& e = find(ip_address::of(a));
    const bool known = e.fresh_until_ns != 0;
    // A name that has aged is used while it is looked up again.
    const bool aged = !e.asking && e.fresh_until_ns <= worker_.now_ns();
    if (!known) {
        e.waiting.push_back(std::move(then));
        if (aged) refresh(e, a);
        return;
    }
    if (aged) refresh(e, a);
    then(e.name);
}

name_cache::entry& name_cache::find(const ip_address& a) {
    const auto it = std::find_if(entries_.begin(), entries_.end(),
                                 [&](const entry& e) { return e.address == a; });
    if (it != entries_.end()) {
        entries_.splice(entries_.begin(), entries_, it);
        return entries_.front();
    }
    if (entries_.size() >= limits::names_max) {
        const auto idle = std::find_if(entries_.rbegin(), entries_.rend(),
                                       [](const entry& e) { return !e.asking; });
        if (idle != entries_.rend()) entries_.erase(std::next(idle).base());
    }
    entries_.emplace_front().address = a;
    return entries_.front();
}

void name_cache::refresh(entry& e, const socket_address& a) {
    e.asking = worker_.run(std::make_unique<lookup>(lookup{this, a, {}}));
    if (!e.asking) answered(e.address, a.host(), false);
}

void name_cache::answered(const ip_address& a, std::string name, bool found) {
    entry& e = find(a);
    e.name = std::move(name);
    e.asking = false;
    e.fresh_until_ns =
        worker_.now_ns() + (found ? limits::name_ttl_ms : limits::name_retry_ms) * 1'000'000;
    const auto waiting = std::move(e.waiting);
    e.waiting.clear();
    const std::string text = e.name;
    for (const auto& then : waiting) then(text);
}

}  // namespace weft::tcp
