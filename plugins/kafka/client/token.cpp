#include "token.hpp"

#include "limits.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>
#include <stdexcept>

namespace weft::kafka::client {

namespace {

std::string_view without_blanks(std::string_view s) {
    const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
    while (!s.empty() && blank(s.front())) s.remove_prefix(1);
    while (!s.empty() && blank(s.back())) s.remove_suffix(1);
    return s;
}

int value_of(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

// RFC 4648, 5, without padding.
std::optional<std::string> from_base64url(std::string_view text) {
    std::string out;
    uint32_t bits = 0;
    int count = 0;
    for (const char c : text) {
        const int v = value_of(c);
        if (v < 0) return std::nullopt;
        bits = (bits << 6 | static_cast<uint32_t>(v)) & 0xffffffu;
        count += 6;
        if (count < 8) continue;
        count -= 8;
        out += static_cast<char>(bits >> count & 0xffu);
    }
    return out;
}

// The claims of a JSON Web Token (RFC 7519), or nothing.
nlohmann::json claims_of(std::string_view token) {
    const size_t first = token.find('.');
    const size_t second = first == token.npos ? first : token.find('.', first + 1);
    if (second == token.npos) return {};
    const auto text = from_base64url(token.substr(first + 1, second - first - 1));
    if (!text) return {};
    auto claims = nlohmann::json::parse(*text, nullptr, false);
    return claims.is_object() ? claims : nlohmann::json();
}

}  // namespace

bearer_token read_token(std::string_view text) {
    text = without_blanks(text);
    if (text.empty()) throw std::runtime_error("there is no token in it");
    if (text.size() > limits::token_bytes_max)
        throw std::runtime_error("it is longer than " + std::to_string(limits::token_bytes_max) +
                                 " bytes");
    // RFC 6750, 2.1; anything else could end the field that it is sent in.
    const auto allowed = [](char c) {
        return value_of(c) >= 0 || c == '.' || c == '~' || c == '+' || c == '/' || c == '=';
    };
    if (!std::all_of(text.begin(), text.end(), allowed))
        throw std::runtime_error("it has characters that no bearer token has");
    bearer_token out;
    out.value = text;
    const auto claims = claims_of(text);
    if (!claims.is_object()) return out;
    if (const auto sub = claims.find("sub"); sub != claims.end() && sub->is_string())
        out.principal = *sub;
    if (const auto exp = claims.find("exp"); exp != claims.end() && exp->is_number()) {
        const double seconds = *exp;
        if (seconds >= 0 && seconds < 1e12) out.expires_ms = static_cast<uint64_t>(seconds * 1'000);
    }
    return out;
}

}  // namespace weft::kafka::client
