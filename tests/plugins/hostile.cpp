// An echo that fails where its options say.
#include "schema.hpp"

#include <weft/plugin.hpp>

#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>

namespace {

constexpr uint32_t window = 64 * 1024;
// Well above what the host allows a call.
constexpr std::chrono::milliseconds too_long{400};

struct faults {
    std::string attach, accept, data, drain;
};

class conversation final : public weft::endpoint {
public:
    explicit conversation(const faults& f) : faults_(f) {}

    void on_data(weft::stream s, const weft_data& d) override {
        if (faults_.data == "throw") throw std::runtime_error("on purpose");
        if (faults_.data == "block") std::this_thread::sleep_for(too_long);
        const auto size = static_cast<uint32_t>(weft::payload_size(d));
        weft_data out = d;
        out.reserved = faults_.data == "overrun" ? UINT32_MAX : size + s.padding();
        s.send(out.h);
        s.window(window);
    }
    void on_end(weft::stream s, const weft_frame&) override { s.end(); }
    void on_abort(weft::stream s, const weft_frame&) override { s.abort(); }
    void on_reset(weft::stream s, const weft_frame&) override { s.reset(); }
    void on_closed(weft::stream) override { delete this; }

private:
    const faults& faults_;
};

class hostile final : public weft::instance {
public:
    hostile(weft::worker, const weft::binding_config& c) {
        const auto read = [&](const char* key) { return c.options.value(key, std::string()); };
        faults_ = {read("on_attach"), read("on_accept"), read("on_data"), read("on_drain")};
        if (faults_.attach == "throw") throw std::runtime_error("attach fails on purpose");
    }
    weft::endpoint* accept(weft::stream s, const weft_begin&) override {
        if (faults_.accept == "throw") throw std::runtime_error("accept fails on purpose");
        s.begin();
        s.window(window);
        return new conversation(faults_);
    }

private:
    faults faults_;
};

struct hostile_plugin : weft::plugin_of<hostile> {
    static constexpr const char* type = "hostile";
    static constexpr const char* version = "1.0.0";
    static constexpr uint32_t kinds = WEFT_SERVER;
    static constexpr const char* schema = weft::schema_json;
};

}  // namespace

WEFT_PLUGIN(hostile_plugin)
