// What ws will be for the http binding, without its frames: answers an upgrade with 101 and sends
// back what comes through the tunnel; answers other requests with their own header fields.
#include <weft/plugin.hpp>

namespace {

struct echo : weft::endpoint {
    echo(weft::worker w, weft::stream s, const weft_meta* meta) : here(w) {
        const weft::meta_view<weft_http_begin> request(meta);
        for (const auto& p : request.list<weft_pair>(request->headers)) {
            upgrade |= request.text(p.name) == "upgrade";
            page.append(request.text(p.name))
                .append("=")
                .append(request.text(p.value))
                .append("\n");
        }
        weft::meta_writer<weft_http_begin> answer;
        const auto list = answer.list<weft_pair>(1);
        const auto name = answer.text(":status"), value = answer.text(upgrade ? "101" : "200");
        answer.item<weft_pair>(list, 0) = {name, value};
        answer->headers = list;
        s.begin(answer.get());
    }
    void on_data(weft::stream s, const weft_data& d) override { s.data(weft::slices(d)); }
    void on_window(weft::stream s, const weft_window&) override {
        if (upgrade) return s.window(s.credit(), 0, s.padding());
        if (page.empty() || s.credit() < page.size()) return;
        uint8_t* bytes = nullptr;
        const auto body = here.alloc(static_cast<uint32_t>(page.size()), bytes);
        if (!bytes) return s.abort();
        page.copy(reinterpret_cast<char*>(bytes), page.size());
        page.clear();
        s.data(body.slice());
        s.end();
    }
    void on_end(weft::stream s, const weft_frame&) override {
        if (upgrade) s.end();
    }
    void on_abort(weft::stream s, const weft_frame&) override { s.abort(); }
    void on_reset(weft::stream s, const weft_frame&) override { s.reset(); }
    void on_closed(weft::stream) override { delete this; }

    weft::worker here;
    bool upgrade = false;
    std::string page;
};

struct server : weft::instance {
    server(weft::worker w, const weft::binding_config&) : here(w) {}
    weft::endpoint* accept(weft::stream s, const weft_begin& b) override {
        return new echo(here, s, b.h.meta);
    }
    weft::worker here;
};

struct plugin : weft::plugin_of<server> {
    static constexpr const char* type = "upgrade-echo";
    static constexpr const char* version = "0.1.0";
    static constexpr uint32_t kinds = WEFT_SERVER;
    static constexpr const char* schema = R"({"kinds": {"server": {"exit": "forbidden"}}})";
    static constexpr const char* accepts[] = {WEFT_META_HTTP_BEGIN_NAME, nullptr};
};

}  // namespace

WEFT_PLUGIN(plugin)
