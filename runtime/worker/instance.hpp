// One binding on one worker: the object behind a plugin's weft_worker handle.
#pragma once

#include <weft/abi.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

namespace weft {

class loop;
struct binding_runtime;
struct inbox_item;

// What stands at an end of a stream: an instance, and the functions of its endpoints. There are
// few, so an end names one with a single pointer.
struct party {
    weft_worker* owner = nullptr;
    const weft_endpoint_vt* vt = nullptr;  // null before the stream is accepted
    uint64_t ends = 0;                     // that name it
};

struct metric_cell {
    uint64_t value = 0;  // written through atomic_ref by the worker
    bool gauge = false;
};

}  // namespace weft

struct weft_worker {
    weft::loop* loop = nullptr;
    weft::binding_runtime* binding = nullptr;
    void* self = nullptr;  // what attach returned

    // Re-entrancy: while busy, frames queue here; `runnable` says that the loop knows of a
    // non-empty inbox.
    uint32_t busy = 0;
    bool runnable = false;
    bool attached = false;
    bool retiring = false;  // drained: its host is told when it has come to rest
    weft::inbox_item* inbox_head = nullptr;
    weft::inbox_item* inbox_tail = nullptr;

    // Of its ends: those before they are accepted, and the others.
    weft::party arriving{this, nullptr, 0};
    std::unordered_map<const weft_endpoint_vt*, weft::party> parties;
    weft::party* last_party = nullptr;  // the one that was asked for last

    weft::party& party_of(const weft_endpoint_vt* vt) {
        if (!vt) return arriving;
        if (!last_party || last_party->vt != vt)
            last_party = &parties.try_emplace(vt, weft::party{this, vt, 0}).first->second;
        return *last_party;
    }
    // No end names it any more. Whoever has functions of its own for each stream leaves no trail.
    void forget(const weft::party& p) {
        constexpr size_t kept = 16;
        if (&p == &arriving || parties.size() <= kept) return;
        last_party = nullptr;
        const weft_endpoint_vt* const key = p.vt;
        parties.erase(key);
    }

    // What must be zero before the plugin may go.
    uint64_t streams = 0, timers = 0, watches = 0, buffers = 0;
    std::atomic<uint64_t> tasks{0};
    std::atomic<bool> accepting_posts{false};

    bool at_rest() const { return streams == 0 && buffers == 0 && tasks.load() == 0; }

    mutable std::mutex metrics_mutex;
    std::map<std::string, std::unique_ptr<weft::metric_cell>> metrics;
};
