#include "auth/bearer.hpp"

#include <weft/text.hpp>

namespace weft::mqtt {

std::optional<std::string_view> bearer_token(std::string_view message) {
    static constexpr char separator = '\x01';
    static constexpr std::string_view key = "auth=", scheme = "Bearer ";
    // No channel binding; an authorization identity (a=) may be there and says nothing of its own.
    if (!message.starts_with("n,") && !message.starts_with("y,")) return std::nullopt;
    size_t at = message.find(separator);
    if (at == message.npos) return std::nullopt;
    message.remove_prefix(at + 1);
    while ((at = message.find(separator)) != message.npos) {
        auto pair = message.substr(0, at);
        message.remove_prefix(at + 1);
        if (!pair.starts_with(key)) continue;
        pair.remove_prefix(key.size());
        if (pair.size() <= scheme.size() ||
            !equal_ignoring_case(pair.substr(0, scheme.size()), scheme))
            return std::nullopt;
        return pair.substr(scheme.size());
    }
    return std::nullopt;
}

}  // namespace weft::mqtt
