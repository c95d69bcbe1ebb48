// The bounds of the client kind, each with its reason. What users may change is in config.hpp.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weft::kafka::client::limits {

// Bridge: bytes of one read from librdkafka, growing while reads fill the buffer. 64 KiB reads keep
// TLS in the chain efficient.
constexpr uint32_t read_bytes_min = 4 * 1024;
constexpr uint32_t read_bytes_max = 64 * 1024;
// Reads per wake-up of one connection, so that a bulk producer does not hold up the worker.
constexpr int reads_per_wake_max = 4;
// Credit granted to the exit: what may wait in memory when librdkafka does not take a broker's
// answer.
constexpr uint32_t reply_window_bytes = 256 * 1024;
// SO_SNDBUF while "connected" is withheld; the kernel raises smaller values to this.
constexpr int withheld_send_buffer = 4608;
// The usual SO_SNDBUF, which librdkafka sets right after it sees "connected".
constexpr int send_buffer = 212'992;
// First pause before connecting to a broker again that refused; doubled up to
// client_config.reconnect_max_ms.
constexpr uint64_t reconnect_min_ms = 20;
// A connection told to move (DRAIN) is closed after so long without bytes, or at the latest after
// the second.
constexpr uint64_t drain_idle_ms = 250;
constexpr uint64_t drain_max_ms = 5'000;
// Before a drain deadline by so much, what is left is given up, so that the host finds nothing to
// abort.
constexpr uint64_t drain_margin_ms = 100;

// Producer: what one PRODUCE stream may have waiting for librdkafka to take it, at least; a record
// of produce_max_bytes must fit. Credit returns as soon as a record is taken.
constexpr uint32_t produce_window_bytes_min = 4 * 1024 * 1024;
// Credit that a record costs beside its payload, so that empty records are bounded too.
constexpr uint32_t record_overhead_bytes = 128;
// Unacknowledged records and bytes of one worker inside librdkafka; beyond it the streams wait.
// Above what mqtt-kafka lets in.
constexpr int queue_messages_max = 500'000;
constexpr int queue_kbytes_max = 256 * 1024;
// Bursts of records that a broker has at a time (send_lanes.hpp): a burst is a request or two, and
// librdkafka polls without pause when it has more than five to send.
constexpr int bursts_max = 4;
// A burst that takes longer does not keep others from beginning.
constexpr uint64_t burst_slow_ms = 200;
// What waits for its burst, beside what librdkafka has.
constexpr size_t held_bytes_max = 256u << 20;
// Records kept for reuse, and the largest block of metadata and payload kept with one, in words of
// 8 bytes.
constexpr size_t free_records_max = 16'384;
constexpr uint32_t kept_block_words_max = 64;
// Payloads from this size on are lent to librdkafka; smaller ones are copied, since a lent one
// holds a whole receive buffer.
constexpr size_t lend_bytes_min = 8 * 1024;
// Delivery reports handled per wake-up.
constexpr int report_events_per_wake_max = 64;
// Retry of records that librdkafka cannot take at the moment.
constexpr uint64_t produce_retry_ms = 20;
// Pause before a producer is made again after a fatal error; doubled up to the second.
constexpr uint64_t producer_renew_min_ms = 100;
constexpr uint64_t producer_renew_max_ms = 10'000;

// Consumer: records taken from librdkafka at once, and handled per wake-up of one stream.
constexpr size_t fetch_batch_max = 64;
constexpr int fetch_batches_per_wake_max = 8;
// Fetched bytes that librdkafka may keep per FETCH stream while the stream has no credit.
constexpr int fetch_queue_kbytes_max = 16 * 1024;
constexpr int fetch_queue_messages_min = 20'000;

// Streams that go on for ever wait for each other at the start (consumer.hpp): until metadata is
// there and every topic that was asked about is followed; a topic that nobody comes for is waited
// for this long, and all of it ends so long after the first stream.
constexpr uint64_t fetch_gather_pause_ms = 50;
constexpr uint64_t fetch_gather_max_ms = 1'000;
// What one look at it waits for the streams that follow from one answer.
constexpr uint64_t fetch_gather_ms = 5;

// Streams with an end read through consumers of their own, so many at most: each is a handle with
// its threads and connections. One without work for so long is closed.
constexpr size_t side_consumers_max = 4;
constexpr uint64_t side_consumer_idle_ms = 30'000;

// The first look whether Kafka is there, so long after attach: the exit is attached by then.
constexpr uint64_t first_probe_ms = 5;
// Metadata: pauses between attempts while the cluster or a topic is missing, and how long one
// request may take
constexpr uint64_t meta_retry_min_ms = 100;
constexpr uint64_t meta_retry_max_ms = 2'000;
// (which is also how long the end of the binding may have to wait for one).
// While no broker answers: well above a fetch's wait, behind which a request may queue.
constexpr int meta_probe_ms = 2'000;
constexpr int meta_request_ms = 2'000;  // while they do
// Reading and committing the offsets of a consumer group: how long one attempt may take (all groups
// of a worker share a thread), and the pause before the next when it could not be read.
constexpr int offsets_request_ms = 2'000;
constexpr uint64_t offsets_retry_ms = 500;
// Connected, but no answer for so long: the cluster counts as unreachable.
constexpr uint64_t meta_silence_ms = 3'000;
// A topic that the cluster denies for so long is said to be missing; a starting broker may deny it
// at first.
constexpr uint64_t topic_missing_ms = 1'000;
// A partition without leader is reported with unknown offsets after so many attempts.
constexpr int leaderless_attempts_max = 5;

// Bearer tokens: what is read of a file or kept of an answer. Brokers take some ten KiB.
constexpr size_t token_bytes_max = 64 * 1024;
constexpr size_t token_answer_bytes_max = 256 * 1024;
constexpr uint32_t token_connect_ms = 5'000, token_request_ms = 10'000;
// After a failure, doubled up to the second.
constexpr uint32_t token_retry_min_ms = 1'000, token_retry_max_ms = 30'000;
// One that brokers refuse is got again, but not more often.
constexpr uint32_t token_gap_ms = 5'000;
// One that does not tell its end, or has long to go, is got again after this: a file may be
// replaced.
constexpr uint32_t token_age_max_ms = 300'000;
// What librdkafka is told of a token without end. It schedules by it, in microseconds.
constexpr uint64_t token_endless_ms = 10ull * 365 * 24 * 3'600 * 1'000;
// A guard whose credentials were refused is asked again after so long: a reload may have changed
// them.
constexpr uint64_t guard_gap_ms = 1'000;
// ... and one that had none, after so long.
constexpr uint64_t credentials_retry_ms = 10'000;
// Of a text that somebody else chose, what is told in an event.
constexpr size_t told_bytes_max = 200;

// Events of one kind: the first at once, then with growing pauses up to this.
constexpr uint64_t event_pause_min_ms = 10'000;
constexpr uint64_t event_pause_max_ms = 60'000;
// Log lines of librdkafka per ten seconds and handle.
constexpr int log_lines_per_period = 20;
constexpr uint64_t log_period_ms = 10'000;

}  // namespace weft::kafka::client::limits
