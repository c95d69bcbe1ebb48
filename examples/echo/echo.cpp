// Sends every byte back in the buffer in which it came. The credit that the peer gives us for
// sending is the credit that we give it for sending: nothing is ever held here, and a slow reader
// slows its own writer.
#include "schema.hpp"

#include <weft/plugin.hpp>

#include <set>

namespace {

struct echo : weft::endpoint {
    echo(std::set<echo*>& a, weft::stream s) : all(a), own(s) { all.insert(this); }
    void on_data(weft::stream s, const weft_data& d) override {
        s.data(weft::slices(d), d.h.meta, d.h.flags);
    }
    void on_window(weft::stream s, const weft_window&) override {
        s.window(s.credit(), 0, s.padding());
    }
    void on_end(weft::stream s, const weft_frame&) override { s.end(); }
    void on_abort(weft::stream s, const weft_frame&) override { s.abort(); }
    void on_reset(weft::stream s, const weft_frame&) override { s.reset(); }
    void on_closed(weft::stream) override {
        all.erase(this);
        delete this;
    }

    std::set<echo*>& all;
    weft::stream own;
};

struct echo_instance : weft::instance {
    echo_instance(weft::worker, const weft::binding_config&) {}

    weft::endpoint* accept(weft::stream s, const weft_begin& b) override {
        s.begin(b.h.meta);
        return new echo(all, s);
    }
    void drain(uint32_t why, uint64_t) override {
        if (why != WEFT_DRAIN_STOP) return;  // after a reload streams go on until they end
        for (auto* e : all) e->own.end();
    }

    std::set<echo*> all;
};

struct echo_plugin : weft::plugin_of<echo_instance> {
    static constexpr const char* type = "echo";
    static constexpr const char* version = "0.1.0";
    static constexpr uint32_t kinds = WEFT_SERVER;
    static constexpr const char* schema = weft::schema_json;
};

}  // namespace

WEFT_PLUGIN(echo_plugin)
