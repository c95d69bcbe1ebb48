#include "relay.hpp"

namespace weft::kafka {

relay::relay(weft::worker w, uint64_t exit, stream caller, const weft_begin& b) {
    exit_.to = caller;
    caller_.to = w.open(exit, exit_, b.h.meta, b.h.trace_id, b.h.auth, b.affinity);
}

void relay::on_closed(side& s) {
    s.closed = true;
    side& other = &s == &caller_ ? exit_ : caller_;
    if (other.closed) {
        delete this;
        return;
    }
    // Whatever this side did not end in good order, the other one hears of. Ignored where a
    // direction is over.
    s.to.abort();
    s.to.reset();
}

}  // namespace weft::kafka
