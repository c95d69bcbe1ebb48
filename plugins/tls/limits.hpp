// Every bound of the tls binding, with its reason.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weft::tls {

// From the first byte expected to the end of the handshake (zilla.binding.tls.handshake.timeout,
// s).
inline constexpr int64_t handshake_timeout_s = 10;
// What a peer may take to close its side after ours (zilla.binding.tls.await.sync.close.millis).
inline constexpr int64_t close_timeout_ms = 3000;
// Handshakes under way on one worker (zilla.binding.tls.handshakes.max); more are refused, so that
// a flood of them leaves room for the connections that are there.
inline constexpr int64_t handshakes_max = 4096;
inline constexpr int64_t timeout_ms_max = 24 * 3600 * 1000;

// RFC 8446, 5.1: plaintext of one record.
inline constexpr uint32_t record_size_max = 16 * 1024;
// Ciphertext that a peer may have on the way to us: some whole records.
inline constexpr uint32_t window_bytes = 64 * 1024;
// What encryption adds to a message, and more: what applications reserve beyond their payload.
inline constexpr uint32_t record_overhead = 64;
// What an application may always send when nothing waits, also where the network takes less.
inline constexpr uint64_t room_least = 1024;
// Plaintext of small messages is put together up to a record; a slice of this size goes by itself.
inline constexpr uint32_t gather_below_bytes = 4 * 1024;

// A ClientHello that a proxy reads before it knows the route.
inline constexpr uint32_t hello_size_max = 32 * 1024;

// Sessions that a client remembers to resume, of different servers.
inline constexpr size_t remembered_sessions_max = 256;

// Between two events of a client about one server and one reason: whoever wants that server tries
// again all the time.
inline constexpr uint64_t client_events_ms = 10'000;
// Kinds and reasons of events that are told apart.
inline constexpr size_t event_kinds_max = 256;

}  // namespace weft::tls
