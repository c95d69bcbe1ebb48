// Answers everything with what the library that it was linked with says.
#include "library.hpp"

#include <weft/plugin.hpp>

#include <cstring>
#include <new>
#include <string>

namespace {

constexpr uint32_t window = 64 * 1024;
constexpr const char* empty_schema = R"({"kinds": {"server": {"exit": "forbidden"}}})";

class stamper final : public weft::endpoint {
public:
    explicit stamper(weft::worker w) : worker_(w) {}
    void on_data(weft::stream s, const weft_data&) override {
        std::string text = library::version();
        text += " " + std::to_string(library::calls) + " " + std::to_string(library::uses()) + "\n";
        uint8_t* bytes = nullptr;
        const auto out = worker_.alloc(static_cast<uint32_t>(text.size()), bytes);
        if (!bytes) throw std::bad_alloc();
        std::memcpy(bytes, text.data(), text.size());
        s.data(out.slice());
        s.window(window);
    }
    void on_end(weft::stream s, const weft_frame&) override { s.end(); }
    void on_abort(weft::stream s, const weft_frame&) override { s.abort(); }
    void on_reset(weft::stream s, const weft_frame&) override { s.reset(); }
    void on_closed(weft::stream) override { delete this; }

private:
    weft::worker worker_;
};

struct stamp : weft::instance {
    stamp(weft::worker w, const weft::binding_config&) : own(w) {}
    weft::endpoint* accept(weft::stream s, const weft_begin&) override {
        s.begin();
        s.window(window);
        return new stamper(own);
    }
    weft::worker own;
};

struct stamp_plugin : weft::plugin_of<stamp> {
    static constexpr const char* type = STAMP_TYPE;
    static constexpr const char* version = "1.0.0";
    static constexpr uint32_t kinds = WEFT_SERVER;
    static constexpr const char* schema = empty_schema;
};

}  // namespace

WEFT_PLUGIN(stamp_plugin)
