#include "handshake.hpp"

#include "../http/tokens.hpp"

#include <openssl/evp.h>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

#include <algorithm>

namespace weft::ws {
namespace {

namespace beast = boost::beast::http;

constexpr std::string_view accept_guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
constexpr std::string_view version = "13";
constexpr size_t key_size = 16, key_text_size = 24, sha1_size = 20;

std::string base64(const uint8_t* from, size_t size) {
    std::string out(4 * ((size + 2) / 3) + 1, '\0');
    const int n =
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), from, static_cast<int>(size));
    out.resize(static_cast<size_t>(n));
    return out;
}

// 4.1: 16 bytes in base64.
bool is_key(std::string_view text) {
    if (text.size() != key_text_size || !text.ends_with("==") ||
        text.find('=') != key_text_size - 2)
        return false;
    unsigned char raw[key_size + 2];
    return EVP_DecodeBlock(raw, reinterpret_cast<const unsigned char*>(text.data()),
                           static_cast<int>(text.size())) == static_cast<int>(sizeof raw);
}

bool names(std::string_view list, std::string_view token) {
    bool found = false;
    http::for_each_token(list, [&](std::string_view t) { found |= equal_ignoring_case(t, token); });
    return found;
}

std::string shown(std::string_view text) {
    return std::string(text.substr(0, shown_max));
}

reply refuse_upgrade(int status, std::string text, fields headers = {}) {
    return {status, std::move(headers), std::move(text)};
}

// What is wrong with it before anybody's routes are asked; status 101: nothing.
reply check_request(const upgrade_request& r, const ws_config& c) {
    if (r.method != "GET")
        return refuse_upgrade(405, "a WebSocket is asked for with GET", {{"allow", "GET"}});
    const auto upgrade = r.list("upgrade");
    if (!upgrade) return refuse_upgrade(400, "this is a WebSocket endpoint: there is no Upgrade");
    if (!names(*upgrade, "websocket"))
        return refuse_upgrade(400, "the Upgrade is not to websocket: " + shown(*upgrade));
    if (!r.upgradable)
        return refuse_upgrade(400, "Connection does not name the upgrade, or this is HTTP/1.0");
    const auto asked = r.list("sec-websocket-version");
    if (!asked) return refuse_upgrade(400, "there is no Sec-WebSocket-Version");
    // 4.4
    if (*asked != version)
        return refuse_upgrade(
            426, "only version 13 of WebSocket is spoken here, not " + shown(*asked),
            {{"sec-websocket-version", std::string(version)}, {"upgrade", "websocket"}});
    if (!is_key(r.list("sec-websocket-key").value_or("")))
        return refuse_upgrade(400, "there must be one Sec-WebSocket-Key of 16 bytes in base64");
    if (const auto origin = r.list("origin").value_or(""); !c.admits(origin))
        return refuse_upgrade(403, "pages from " + shown(origin) + " are not admitted");
    return {};
}

std::string no_route_for(const upgrade_request& r, const std::string& protocols) {
    return "no route of this server takes " + shown(r.scheme) + "://" + shown(r.authority) +
           shown(r.path) +
           (protocols.empty() ? ", which offers no subprotocol" : ", protocol " + shown(protocols));
}

}  // namespace

std::optional<std::string> upgrade_request::list(std::string_view name) const {
    std::optional<std::string> out;
    for (const auto& [n, value] : headers) {
        if (n != name) continue;
        if (out)
            *out += ", " + value;
        else
            out = value;
    }
    return out;
}

std::string accept_of(std::string_view key) {
    const std::string text = std::string(key) + std::string(accept_guid);
    uint8_t digest[sha1_size];
    EVP_Digest(text.data(), text.size(), digest, nullptr, EVP_sha1(), nullptr);
    return base64(digest, sizeof digest);
}

acceptance judge(const upgrade_request& r, const ws_config& c, const worker& w, uint64_t auth) {
    acceptance out;
    out.answer = check_request(r, c);
    if (out.answer.status != 101) return out;
    std::vector<std::string> offered;
    bool proper = true;
    const auto protocols = r.list("sec-websocket-protocol").value_or("");
    http::for_each_token(protocols, [&](std::string_view p) {
        // 4.1: tokens, none of them twice
        proper = proper && http::is_token(p) && offered.size() < offered_max &&
                 std::find(offered.begin(), offered.end(), p) == offered.end();
        offered.emplace_back(p);
    });
    if (!proper) {
        out.answer = refuse_upgrade(400, "a Sec-WebSocket-Protocol that is none");
        return out;
    }
    const auto chosen = choose_route(c.routes, {r.scheme, r.authority, r.path}, offered, w, auth);
    if (!chosen.to) {
        out.answer = refuse_upgrade(404, no_route_for(r, protocols));
        return out;
    }
    out.to = chosen.to;
    out.protocol = chosen.protocol;
    auto& headers = out.answer.headers;
    headers.emplace_back("upgrade", "websocket");
    headers.emplace_back("sec-websocket-accept",
                         accept_of(r.list("sec-websocket-key").value_or("")));
    if (!out.protocol.empty()) headers.emplace_back("sec-websocket-protocol", out.protocol);
    if (!c.deflate) return out;
    std::string extension;
    out.deflate =
        choose_offer(r.list("sec-websocket-extensions").value_or(""), *c.deflate, extension);
    if (out.deflate) headers.emplace_back("sec-websocket-extensions", extension);
    return out;
}

std::string make_key(std::string_view random) {
    return base64(reinterpret_cast<const uint8_t*>(random.data()), random.size());
}

std::string make_request(const target& t, std::string_view key, const compression* c) {
    std::string out = "GET " + t.path + " HTTP/1.1\r\nHost: " + t.authority +
                      "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: " +
                      std::string(version) + "\r\nSec-WebSocket-Key: " + std::string(key) + "\r\n";
    if (!t.protocol.empty()) out += "Sec-WebSocket-Protocol: " + t.protocol + "\r\n";
    if (c) out += "Sec-WebSocket-Extensions: " + make_offer(*c) + "\r\n";
    return out + "\r\n";
}

size_t answer_head_size(std::string_view in) {
    const size_t at = in.find("\r\n\r\n");
    return at == std::string_view::npos ? 0 : at + 4;
}

std::string read_reply(std::string_view head, const target& t, std::string_view key,
                       const compression* offered, std::optional<agreed>& out) {
    beast::response_parser<beast::empty_body> parser;
    parser.header_limit(answer_head_max);
    parser.skip(true);
    boost::system::error_code error;
    parser.put(boost::asio::buffer(head.data(), head.size()), error);
    if (error || !parser.is_header_done()) return "an answer that is not HTTP: " + error.message();
    const auto& m = parser.get();
    const int status = static_cast<int>(m.result_int());
    if (status != 101) return "the server answered " + std::to_string(status);
    const auto value = [&](const char* name) {
        std::string all;
        for (auto [at, end] = m.equal_range(name); at != end; ++at) {
            if (!all.empty()) all += ", ";
            all += std::string(at->value());
        }
        return all;
    };
    if (!equal_ignoring_case(value("upgrade"), "websocket") ||
        !names(value("connection"), "upgrade"))
        return "the server's 101 is not an upgrade to websocket";
    if (value("sec-websocket-accept") != accept_of(key))
        return "the server's Sec-WebSocket-Accept does not answer the key";
    if (const auto p = value("sec-websocket-protocol"); p != t.protocol)
        return p.empty() ? "the server does not speak " + t.protocol
                         : "the server chose the protocol " + shown(p) + ", not " +
                               (t.protocol.empty() ? "none" : t.protocol);
    bool wrong = false;
    out = read_answer(value("sec-websocket-extensions"), offered, wrong);
    return wrong ? "the server chose extensions that were not offered" : "";
}

}  // namespace weft::ws
