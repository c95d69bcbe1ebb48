// Keys of the sessions topic: the client id, and the client id with a suffix.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weft::mqtt_kafka {

enum class session_key : uint8_t { state, owner, offsets, inflight, will, will_message, expiry };

namespace key_names {

struct key_suffix {
    session_key key;
    std::string_view text;
};
inline constexpr std::array<key_suffix, 7> key_suffixes{{{session_key::owner, "#owner"},
                                                         {session_key::offsets, "#offsets"},
                                                         {session_key::inflight, "#inflight"},
                                                         {session_key::will, "#will"},
                                                         {session_key::will_message, "#will-"},
                                                         {session_key::expiry, "#expiry"},
                                                         {session_key::state, ""}}};

}  // namespace key_names

// `lifetime_id`: for will_message.
inline std::string key_of(session_key k, std::string_view client_id,
                          std::string_view lifetime_id = {}) {
    std::string out(client_id);
    for (const auto& s : key_names::key_suffixes)
        if (s.key == k) out += s.text;
    return out += lifetime_id;
}

struct split_key {
    session_key key;
    std::string_view client_id;
};

// Whose key it is; nothing for those of other programs (R1's #migrate and signals).
inline std::optional<split_key> split(std::string_view key) {
    const size_t hash = key.rfind('#');
    if (hash == std::string_view::npos) return split_key{session_key::state, key};
    const auto suffix = key.substr(hash);
    for (const auto& s : key_names::key_suffixes) {
        if (s.key == session_key::state) continue;
        if (suffix == s.text || (s.key == session_key::will_message && suffix.starts_with(s.text)))
            return split_key{s.key, key.substr(0, hash)};
    }
    for (const std::string_view other : {"#migrate", "#will-signal", "#expiry-signal"})
        if (suffix == other) return std::nullopt;
    return split_key{session_key::state, key};  // a client id with a '#' in it
}

// Client ids that would write other clients' keys: "bob#will" is bob's will.
inline bool is_reserved_client_id(std::string_view id) {
    const auto s = split(id);
    return !s || s->key != session_key::state;
}

inline constexpr std::string_view epoch_header = "zilla:epoch";

// On C#inflight: the owner of that epoch has let the session go, and this is the last it knows.
inline constexpr std::string_view left_header = "zilla:left";

// zilla:epoch: the offset of the owner's claim, 8 bytes, big-endian.
inline std::string epoch_bytes(int64_t epoch) {
    std::string out;
    for (int shift = 56; shift >= 0; shift -= 8)
        out.push_back(static_cast<char>(static_cast<uint64_t>(epoch) >> shift));
    return out;
}
inline std::optional<int64_t> epoch_of(std::string_view bytes) {
    if (bytes.size() != 8) return std::nullopt;
    uint64_t v = 0;
    for (const char c : bytes) v = v << 8 | static_cast<uint8_t>(c);
    return static_cast<int64_t>(v);
}

}  // namespace weft::mqtt_kafka
