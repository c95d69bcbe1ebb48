// Passes streams on to the exit, frame by frame in both directions, so that credit stays end to
// end. A DRAIN from the exit reaches the caller in the same way. Into the answer to an ACCESS
// stream goes what this binding's own routes say.
#pragma once

#include <weft/worker.hpp>

#include <string>

namespace weft::kafka {

class relay;

// The relays of an instance that live; it outlives them.
class relays {
public:
    relays() = default;
    relays(const relays&) = delete;
    relays& operator=(const relays&) = delete;

    // The endpoint to return from accept. `moves`: the caller is asked to open a successor soon.
    endpoint* accept(weft::worker w, uint64_t exit, stream caller, const weft_begin& b, bool moves);
    // ACCESS, for who is admitted here. `guarded`: not everybody is.
    endpoint* accept_access(weft::worker w, uint64_t exit, stream caller, const weft_begin& b,
                            const std::string& topic, bool guarded, bool moves);
    // Asks every caller to open a successor: what is under way is still passed on and answered.
    void drain() const;

private:
    friend class relay;
    static endpoint* start(relay* r, weft::worker w, uint64_t exit, stream caller,
                           const weft_begin& b, bool moves);
    relay* first_ = nullptr;
};

}  // namespace weft::kafka
