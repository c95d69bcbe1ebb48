#include "kit_support.hpp"

namespace {

struct scripted : weft::endpoint {
    explicit scripted(weft::worker w) : here(w) {}
    void on_frame(weft::stream s, const weft_frame& f) override {
        if (kit::play.frame) kit::play.frame(here, s, f);
    }
    void on_closed(weft::stream s) override {
        if (kit::play.closed) kit::play.closed(here, s);
        delete this;
    }
    weft::worker here;
};

struct scripted_instance : weft::instance {
    scripted_instance(weft::worker w, const weft::binding_config& c) : here(w) {
        kit::play.exit = c.routes.empty() ? 0 : c.routes.back().exit;
        if (kit::play.attach) kit::play.attach(w);
    }
    ~scripted_instance() override {
        if (kit::play.detach) kit::play.detach(here);
    }
    weft::endpoint* accept(weft::stream s, const weft_begin& b) override {
        if (kit::play.accept && !kit::play.accept(here, s, b)) return nullptr;
        return new scripted(here);
    }
    void drain(uint32_t why, uint64_t) override {
        if (kit::play.drain) kit::play.drain(here, why);
    }
    weft::worker here;
};

struct scripted_plugin : weft::plugin_of<scripted_instance> {
    static constexpr const char* type = "scripted";
    static constexpr const char* version = "1.0.0";
    static constexpr uint32_t kinds = WEFT_PROXY;
    static constexpr const char* schema = R"({"kinds": {"proxy": {"exit": "optional"}}})";
};

}  // namespace

WEFT_PLUGIN(scripted_plugin)
