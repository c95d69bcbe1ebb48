// Any bytes as what peers say of an upgrade: a request's fields, offers of extensions, a server's
// answer. What is agreed upon must be what was wanted, and an answer must be one head.
#include "handshake.hpp"

#include "../../http/tokens.hpp"

#include <cstdint>
#include <cstdlib>

using namespace weft::ws;

namespace {

void must(bool ok) {
    if (!ok) std::abort();
}

void check(const std::optional<agreed>& a, const compression& c) {
    if (!a) return;
    must(a->window_bits >= 9 && a->window_bits <= c.window_bits);
    must(a->peer_window_bits >= 8 && a->peer_window_bits <= 15);
    must(c.takeover || !a->takeover);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    ws_config config;
    config.deflate.emplace();
    config.deflate->takeover = size % 2;
    config.routes.emplace_back();

    upgrade_request r{"GET", "http", "a", "/", true, {}};
    for (size_t at = 0; at < text.size();) {
        const size_t end = std::min(text.find('\n', at), text.size());
        const auto line = text.substr(at, end - at);
        const size_t colon = std::min(line.find(':'), line.size());
        r.headers.emplace_back(line.substr(0, colon),
                               line.substr(std::min(colon + 1, line.size())));
        at = end + 1;
    }
    r.headers.emplace_back("upgrade", "websocket");
    r.headers.emplace_back("sec-websocket-version", "13");
    r.headers.emplace_back("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    const auto a = judge(r, config, weft::worker(), 0);
    must((a.to != nullptr) == (a.answer.status == 101));
    check(a.deflate, *config.deflate);
    for (const auto& [name, value] : a.answer.headers)
        must(weft::http::is_token(name) && weft::http::is_field_value(value));

    std::string answer;
    check(choose_offer(text, *config.deflate, answer), *config.deflate);
    must(weft::http::is_field_value(answer));
    bool wrong = false;
    check(read_answer(text, &*config.deflate, wrong), *config.deflate);
    std::optional<agreed> out;
    read_reply(text, {"mqtt", "http", "a", "/"}, "dGhlIHNhbXBsZSBub25jZQ==", &*config.deflate, out);
    check(out, *config.deflate);
    return 0;
}
