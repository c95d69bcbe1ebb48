// Every bound of the tcp binding, with its reason. Those a user may change say how.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weft::tcp::limits {

// Bytes that a stream may have handed over and the kernel has not taken yet: what a slow reader can
// cost. The kernel's own buffer lies behind it, so a fast peer never waits for this.
inline constexpr uint32_t write_window_bytes = 64 * 1024;

// One read. A connection starts small, doubles while reads fill the buffer, halves while they leave
// most of it empty: what a neighbour retains of a quiet connection's read stays small.
inline constexpr uint32_t read_bytes_min = 2 * 1024;
inline constexpr uint32_t read_bytes_max = 64 * 1024;

// Slices of one gathered write; the kernel's UIO_MAXIOV.
inline constexpr size_t gather_slices_max = 1024;
// What waits for a slow reader is copied together when it consists of more slices than this and
// they are smaller on average than that: each small slice may hold a whole receive buffer.
inline constexpr size_t compact_slices_min = 16;
inline constexpr uint32_t compact_mean_bytes_max = 1024;

// Write queues kept for reuse per worker, and the slots that a kept one may have.
inline constexpr size_t spare_queues_max = 64;
inline constexpr size_t spare_queue_slots_max = 1024;

// Connections taken per wake-up, so that a storm of them does not starve those that are open.
inline constexpr uint32_t accept_batch_max = 64;
// Pause after the system refused a descriptor or memory for a new connection.
inline constexpr uint64_t accept_retry_ms = 100;
// Pause after the worker had no memory for a read.
inline constexpr uint64_t read_retry_ms = 20;
// The kernel caps this at net.core.somaxconn. Option `backlog`.
inline constexpr int32_t backlog_default = 4096;
// Listening sockets of one binding on one worker.
inline constexpr size_t ports_max = 1024;

// Sources that are remembered while none of their connections is counted, 64 bytes each: a bucket
// that is pushed out by others begins anew, full. Option `sources.remembered`.
inline constexpr uint32_t sources_remembered = 65'536;
// What may come at once, in seconds of the rate: devices that were cut off come back together.
// Option `sources.burst`.
inline constexpr uint32_t source_burst_seconds = 5;

// Connections of a worker whose first bytes are awaited, and how long. The PROXY protocol asks for
// 3 s at least, so that one lost segment does no harm. Properties
// weft.binding.tcp.arrivals.maximum and weft.binding.tcp.arrival.timeout.ms.
inline constexpr uint32_t arrivals_max = 4096;
inline constexpr uint64_t arrival_timeout_ms = 5000;
// A PROXY header with what is behind its addresses; those that are sent have some hundred.
inline constexpr uint32_t proxy_header_bytes_max = 4096;

// A stream that is over leaves its socket open this long for what is still to be written and for
// the peer's FIN: closing with unread input would send RST and could destroy the last bytes on
// their way.
inline constexpr uint64_t linger_ms = 5000;
inline constexpr uint64_t linger_bytes_max = 1024 * 1024;

// From the open of a client stream, name resolution included. Property
// zilla.binding.tcp.connect.timeout.ms.
inline constexpr uint64_t connect_timeout_ms = 10'000;
// RFC 8305, section 5: Connection Attempt Delay.
inline constexpr uint64_t connect_stagger_ms = 250;
// Addresses of one name that are tried.
inline constexpr size_t connect_addresses_max = 16;

// Names of own addresses, for routes by authority.
inline constexpr size_t names_max = 256;
inline constexpr uint64_t name_ttl_ms = 300'000;
inline constexpr uint64_t name_retry_ms = 10'000;

inline constexpr uint32_t workers_max = 256;

}  // namespace weft::tcp::limits
