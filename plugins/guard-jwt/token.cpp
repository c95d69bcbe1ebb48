#include "token.hpp"

#include "json.hpp"
#include "limits.hpp"

#include <weft/base64.hpp>

namespace weft::guard_jwt {
namespace {

// RFC 7515, 2: base64url without padding.
std::optional<std::string> part(std::string_view text) {
    if (text.find('=') != text.npos) return std::nullopt;
    return from_base64(text, base64_alphabet::url);
}

std::optional<nlohmann::json> object(std::string_view text) {
    const auto raw = part(text);
    if (!raw) return std::nullopt;
    auto json = parse_json(*raw);
    if (!json || !json->is_object()) return std::nullopt;
    return json;
}

}  // namespace

const char* read_token(std::string_view text, token& out) {
    static constexpr const char* malformed = "The token is malformed.";
    if (text.size() > limits::token_bytes_max) return "The token is too large.";
    const size_t first = text.find('.');
    const size_t second = first == text.npos ? text.npos : text.find('.', first + 1);
    if (second == text.npos || text.find('.', second + 1) != text.npos) return malformed;

    const auto header = object(text.substr(0, first));
    auto claims = object(text.substr(first + 1, second - first - 1));
    auto signature = part(text.substr(second + 1));
    if (!header || !claims || !signature) return malformed;
    const auto alg = header->find("alg");
    if (alg == header->end() || !alg->is_string()) return malformed;
    if (const auto id = header->find("kid"); id != header->end()) {
        if (!id->is_string()) return malformed;
        out.key_id = id->get<std::string>();
    }
    // RFC 7515, 4.1.11: extensions that must be understood; we understand none.
    if (header->contains("crit")) return "The token has extensions that are not known.";
    out.alg = find_algorithm(alg->get_ref<const std::string&>());
    out.claims = std::move(*claims);
    out.signed_ = text.substr(0, second);
    out.signature = std::move(*signature);
    return nullptr;
}

}  // namespace weft::guard_jwt
