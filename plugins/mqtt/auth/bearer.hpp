// OAUTHBEARER (RFC 7628): an Authentication Method whose one message carries a token, which the
// guard of options.authorization verifies. By it a v5 client brings a new token before the old one
// expires.
#pragma once

#include <optional>
#include <string_view>

namespace weft::mqtt {

inline constexpr std::string_view bearer_method = "OAUTHBEARER";

// The token of the client's message, "n,,^Aauth=Bearer TOKEN^A^A"; nothing when it is no such
// message.
std::optional<std::string_view> bearer_token(std::string_view message);

}  // namespace weft::mqtt
