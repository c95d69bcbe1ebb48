// The opening handshake (RFC 6455, 4): what a server makes of a request for an upgrade, and what a
// client sends and expects. Values in, values out.
#pragma once

#include "config.hpp"
#include "extension.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weft::ws {

using fields = std::vector<std::pair<std::string, std::string>>;  // names in lower case

// A request, wherever its head was read.
struct upgrade_request {
    std::string method, scheme, authority, path;
    bool upgradable = true;  // HTTP/1.1, and Connection names the upgrade
    fields headers;

    // Of the fields of this name, joined as a list; nothing: there is none.
    std::optional<std::string> list(std::string_view name) const;
};

// What the server answers: 101, or what is wrong in words.
struct reply {
    int status = 101;
    fields headers;
    std::string text;
};

// What was agreed upon.
struct acceptance {
    const route* to = nullptr;
    std::string protocol;
    std::optional<agreed> deflate;
    reply answer;
};

// Without a route the answer is a refusal.
acceptance judge(const upgrade_request& r, const ws_config& c, const worker& w, uint64_t auth);

// 4.2.2: what a key is answered with.
std::string accept_of(std::string_view key);

// ---- client ----
struct target {
    std::string protocol, scheme, authority, path;
};
// `random`: 16 bytes.
std::string make_key(std::string_view random);
std::string make_request(const target& t, std::string_view key, const compression* c);

// The size of a head up to and with its empty line, 0 when it is not all there.
size_t answer_head_size(std::string_view in);
// Reads the server's answer. An empty text is success.
std::string read_reply(std::string_view head, const target& t, std::string_view key,
                       const compression* offered, std::optional<agreed>& out);

}  // namespace weft::ws
