// Passes every frame on untouched, both ways, and counts payload bytes. Credit stays end to end, so
// nothing is held here. So do goodbyes: whoever ends a stream ends it through us.
#include "schema.hpp"

#include <weft/plugin.hpp>

#include <set>

namespace {

// One end of a pair of streams: what arrives at one goes out at the other.
struct side : weft::endpoint {
    side(std::set<side*>& c, weft::metric m) : callers(c), bytes(m) {}
    void on_frame(weft::stream, const weft_frame& f) override {
        if (f.kind == WEFT_DATA) bytes.add(weft::payload_size(as<weft_data>(f)));
        if (other) other->own.send(f);
    }
    void on_closed(weft::stream) override {
        if (other) other->other = nullptr;
        callers.erase(this);
        delete this;
    }
    std::set<side*>& callers;
    weft::metric bytes;  // that arrived here
    weft::stream own;
    side* other = nullptr;
};

struct count_instance : weft::instance {
    count_instance(weft::worker w, const weft::binding_config& c)
        : here(w), exit(c.routes.back().exit) {}
    weft::endpoint* accept(weft::stream s, const weft_begin& b) override {
        auto* caller = *callers.insert(new side(callers, here.counter("count.received"))).first;
        auto* callee = new side(callers, here.counter("count.sent"));
        (caller->own = s, caller->other = callee, callee->other = caller);
        callee->own = here.open(exit, *callee, b.h.meta, b.h.trace_id, b.h.auth, b.affinity);
        return caller;
    }
    void drain(uint32_t why, uint64_t) override {  // a successor takes what the callers open next
        for (auto* c : callers)
            if (why != WEFT_DRAIN_STOP) c->own.drain();
    }
    weft::worker here;
    uint64_t exit;
    std::set<side*> callers;
};

struct count_plugin : weft::plugin_of<count_instance> {
    static constexpr const char* type = "count";
    static constexpr const char* version = "0.1.0";
    static constexpr uint32_t kinds = WEFT_PROXY;
    static constexpr const char* schema = weft::schema_json;
};
}  // namespace

WEFT_PLUGIN(count_plugin)
