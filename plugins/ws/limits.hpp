// Every bound of the ws binding, with its reason.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weft::ws {

// From the first byte expected to the answer (zilla.binding.ws.handshake.timeout.ms).
inline constexpr int64_t handshake_timeout_ms = 10'000;
// What a peer may take to answer a Close (zilla.binding.ws.close.timeout.ms).
inline constexpr int64_t close_timeout_ms = 3000;
inline constexpr int64_t timeout_ms_max = 24 * 3600 * 1000;

// Head of a server's answer to a client of ours. That of a request is bounded as in http.
inline constexpr uint32_t answer_head_max = 16 * 1024;

// A message, and a frame of it: the largest MQTT packet (limits.message, limits.frame). 1009.
inline constexpr uint64_t message_size_max = 268'435'460;
// Payload of control frames (RFC 6455, 5.5).
inline constexpr uint32_t control_size_max = 125;

// What a peer may have on the way to us.
inline constexpr uint32_t window_bytes = 64 * 1024;
// Payload is put together up to this size, from several frames where they are a byte stream.
inline constexpr uint32_t block_size_max = 32 * 1024;
inline constexpr uint32_t block_size_min = 256;
// What an application may always send when nothing waits, also where the network takes less.
inline constexpr uint64_t room_least = 1024;
// Payload that a client masks goes out in pieces of this size.
inline constexpr uint32_t masked_piece_max = 32 * 1024;

// Compressing fewer bytes costs more than it saves (compression.threshold).
inline constexpr uint64_t compression_threshold = 128;
// Windows of 4 KiB: 40 KiB for a connection, a tenth of zlib's default (compression.window-bits).
inline constexpr int compression_window_bits = 12;
inline constexpr int compression_memory_level = 5;
inline constexpr int compression_level = 6;
// Of all connections of a worker (compression.memory); beyond it connections are made without.
inline constexpr uint64_t compression_memory = 64 * 1024 * 1024;
// Compressed bytes that are unmasked at a time.
inline constexpr size_t inflate_piece = 2048;
inline constexpr uint32_t deflate_piece = 4 * 1024;

// Subprotocols that a client may offer, and characters of one; more is no browser. 400.
inline constexpr size_t offered_max = 32;

// Parts of a peer's request or Close in a text for people.
inline constexpr size_t shown_max = 120;
// Kinds of events that are told apart.
inline constexpr size_t event_kinds_max = 64;

}  // namespace weft::ws
