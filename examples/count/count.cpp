// Passes every frame on untouched, both ways, and counts payload bytes. Credit stays end to end, so
// nothing is held here.
#include "schema.hpp"

#include <weft/plugin.hpp>

namespace {

// One end of a pair of streams: what arrives at one goes out at the other.
struct side : weft::endpoint {
    side(weft::stream s, weft::metric m) : own(s), bytes(m) {}

    void on_frame(weft::stream, const weft_frame& f) override {
        if (!other) return;
        if (f.kind == WEFT_DATA) bytes.add(weft::payload_size(as<weft_data>(f)));
        other->own.send(f);
    }
    void on_closed(weft::stream) override {
        if (other) other->other = nullptr;
        delete this;
    }

    weft::stream own;
    weft::metric bytes;  // that arrived here
    side* other = nullptr;
};

struct count_instance : weft::instance {
    count_instance(weft::worker w, const weft::binding_config& c)
        : here(w),
          exit(c.routes.back().exit),
          sent(w.counter("count.sent")),
          received(w.counter("count.received")) {}

    weft::endpoint* accept(weft::stream s, const weft_begin& b) override {
        auto* caller = new side(s, received);
        auto* callee = new side({}, sent);
        caller->other = callee;
        callee->other = caller;
        callee->own = here.open(exit, *callee, b.h.meta, b.h.trace_id, b.h.auth, b.affinity);
        return caller;
    }

    weft::worker here;
    uint64_t exit;
    weft::metric sent, received;
};

struct count_plugin : weft::plugin_of<count_instance> {
    static constexpr const char* type = "count";
    static constexpr const char* version = "0.1.0";
    static constexpr uint32_t kinds = WEFT_PROXY;
    static constexpr const char* schema = weft::schema_json;
};

}  // namespace

WEFT_PLUGIN(count_plugin)
