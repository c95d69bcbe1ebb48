// permessage-deflate (RFC 7692) as it is offered and agreed upon in Sec-WebSocket-Extensions.
#pragma once

#include "limits.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace weft::ws {

// What the configuration wants.
struct compression {
    int window_bits = compression_window_bits;   // of what we send
    int peer_window_bits = 15;                   // of what we receive
    bool takeover = true, peer_takeover = true;  // windows live on between messages
    int memory_level = compression_memory_level, level = compression_level;
    uint64_t threshold = compression_threshold;
    uint64_t memory = compression_memory;
};

// What was agreed upon, seen from our side.
struct agreed {
    int window_bits = 15, peer_window_bits = 15;
    bool takeover = true, peer_takeover = true;

    // What zlib allocates for one connection.
    uint64_t memory(const compression& c) const;
};

// A server's choice among the offers, with its answer; nothing when none is acceptable.
std::optional<agreed> choose_offer(std::string_view offers, const compression& c,
                                   std::string& answer);

// A client's offer, and what the server made of it: nothing when it agreed to none; `wrong` when
// that is no answer to the offer.
std::string make_offer(const compression& c);
std::optional<agreed> read_answer(std::string_view answer, const compression* offered, bool& wrong);

}  // namespace weft::ws
