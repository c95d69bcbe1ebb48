// Every bound of the binding, with its reason. Those a user may set are defaults of `settings` in
// config.hpp.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weft::mqtt::limits {

// ---- defaults of what a user may set ----

// From accept to a whole CONNECT. As the reference.
inline constexpr uint32_t connect_timeout_ms = 3'000;
// Keep alive of v5 clients outside of this is answered with a Server Keep Alive. v3.1.1 has none,
// so it is not touched.
inline constexpr uint16_t keep_alive_s_min = 10;
inline constexpr uint16_t keep_alive_s_max = 1'000;
// QoS 1 and 2 publishes that a client may have unacknowledged. Kafka acknowledges after some
// milliseconds, so one publisher needs hundreds in flight to be fast; the bytes they hold are
// bounded by the credit of the exit stream, not by this.
inline constexpr uint16_t receive_maximum = 1'024;
// The largest packet from a client. Kafka's own default for a record (message.max.bytes) is 1 MiB.
inline constexpr uint32_t packet_size_max = 1024 * 1024;
// Topic aliases of a client: saves a publisher of few topics most of each packet, and costs at most
// this many topic names.
inline constexpr uint16_t topic_alias_maximum = 16;
// Bytes of a client id, as the reference; the standards promise 23.
inline constexpr uint32_t client_id_size_max = 256;
// Topic aliases of deliveries to a client that takes so many: saves a device with few topics most
// of each packet, and costs at most this many topic names.
inline constexpr uint16_t delivery_alias_maximum = 32;
// Levels of a topic name or filter. Matching costs a step per level.
inline constexpr uint32_t topic_levels_max = 128;
// Subscriptions that a connection may make; each is matched against every message of its topics.
inline constexpr uint32_t subscriptions_max = 10'000;
// CONNECTs of a worker that wait for their session or authentication. A session costs a write to
// Kafka, so this bounds how many of those a storm of clients has in flight.
inline constexpr uint32_t handshakes_max = 10'000;

// ---- authentication ----

// RFC 7677 asks for 4096 at least. The most is what a thread does in about 200 ms.
inline constexpr uint32_t scram_iterations_min = 4'096;
inline constexpr uint32_t scram_iterations_max = 600'000;
// Authentication Data of one AUTH: names, nonces and proofs are far smaller.
inline constexpr size_t auth_data_bytes_max = 4'096;

// The end of an authorization is looked at again after this long, however far away it is: the wall
// clock that it is measured by may have been set meanwhile.
inline constexpr uint64_t expiry_look_ms = 3'600'000;

// ---- from the client ----

// Credit of the network stream: what may arrive before we have looked at what came before.
inline constexpr uint32_t receive_window_bytes = 64 * 1024;
// Publishes that wait for credit of the exit stream, payload and metadata together. Up to this we
// read on, so that PINGREQ and acknowledgements behind them are seen; beyond it we stop reading.
inline constexpr uint32_t waiting_bytes_max = 64 * 1024;
// A payload that does not come whole is gathered up to this size and passed on at once; a larger
// one streams.
inline constexpr uint32_t gather_bytes_max = 16 * 1024;
// A kept fragment smaller than this is copied: a slice of it would hold a whole receive buffer.
inline constexpr uint32_t keep_slice_bytes_min = 4 * 1024;
// A payload larger than the exit's credit goes in fragments of at least this, so providers must
// grant more than this at a time.
inline constexpr uint32_t fragment_bytes_min = 2 * 1024;
// SUBSCRIBE and UNSUBSCRIBE without an answer; they cost no credit, so they are counted.
inline constexpr uint32_t requests_pending_max = 64;

// ---- to the client ----

// Credit of the exit stream for deliveries: what may wait here for a client that does not read.
inline constexpr uint32_t delivery_window_bytes = 64 * 1024;
// Counted for each delivery beside its payload: its header. Keeps a flood of empty messages within
// the window.
inline constexpr uint32_t delivery_padding = 64;
// Answers that wait for a client that does not read; beyond it we stop reading what it sends.
inline constexpr uint32_t answer_bytes_max = 64 * 1024;
// Beyond this, with everything, the client is cut off: long topic names can exceed what padding
// accounts for.
inline constexpr uint32_t outbox_bytes_max = 2 * 1024 * 1024;
// A payload up to this is copied behind its header: cheaper than a slice of its own through the
// kernel's gather list.
inline constexpr uint32_t inline_payload_bytes_max = 256;
// Headers and answers are cut from worker-wide buffers of this size.
inline constexpr uint32_t arena_bytes = 16 * 1024;
// Empty outboxes kept per worker, and the slots a kept one may have.
inline constexpr size_t spare_outboxes_max = 64;
inline constexpr size_t spare_outbox_slots_max = 256;
// A reason string of ours or the provider's; longer ones are cut.
inline constexpr size_t reason_string_bytes_max = 1'024;

// ---- the rest ----

// Exits that the routes of one binding may lead to: a client's publishes remember theirs in a byte.
inline constexpr size_t exits_max = 255;

// How long the last words (CONNACK with a refusal, DISCONNECT) may wait for a client that does not
// read.
inline constexpr uint32_t close_timeout_ms = 5'000;
// Granularity of connect, keep-alive and close timeouts: they fire up to this late.
inline constexpr uint32_t tick_ms = 250;

}  // namespace weft::mqtt::limits
