// ACCESS streams on their way to the exit: what this binding's routes say goes into the answer.
//
//   asking --BEGIN, or an exit that knows no such streams--> answered --END of the opener--> gone
//
// Those that stay open (SHARED) are asked to move when this binding is replaced, or the exit is.
#pragma once

#include <weft/worker.hpp>

#include <string>

namespace weft::kafka {

class access_relay;

// Those of an instance that live; it outlives them.
class access_relays {
public:
    access_relays() = default;
    access_relays(const access_relays&) = delete;
    access_relays& operator=(const access_relays&) = delete;

    // The endpoint to return from accept, for who is admitted here. `guarded`: not everybody is.
    endpoint* accept(weft::worker w, uint64_t exit, stream caller, const weft_begin& b,
                     const std::string& topic, bool guarded, bool moves);
    void drain() const;

private:
    friend class access_relay;
    access_relay* first_ = nullptr;
};

}  // namespace weft::kafka
