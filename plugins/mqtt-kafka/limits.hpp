// Every bound of the binding, with its default and its reason. Those a user may set are read from
// properties
// ("weft.binding.mqtt.kafka.<name>", see config.cpp); the rest are constants.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weft::mqtt_kafka {

struct limits {
    // How long a CONNECT or SUBSCRIBE waits for Kafka before it is refused. Longer than a broker's
    // restart usually lets clients notice, shorter than the connect timeout of most client
    // libraries (30 s).
    uint32_t kafka_wait_ms = 10'000;

    // What a client may have unacknowledged (CONNACK Receive Maximum, MQTT 5, 3.2.2.3.3).
    uint16_t receive_max = 1024;

    // Deliveries of QoS 1 in flight to one client, below the client's own Receive Maximum: 2 bytes
    // each.
    uint16_t inflight_max = 1000;

    // Bytes of publishes (payload and metadata) that one worker holds until Kafka has answered.
    // Beyond it no client gets more credit, so mqtt stops reading from their sockets.
    uint64_t unacknowledged_bytes_max = 64ull << 20;

    // Credit of one client on its publishes: it starts at the minimum, so that idle sessions commit
    // no memory, and doubles up to the maximum while the client uses it up.
    uint32_t publish_window_min = 8u << 10;
    uint32_t publish_window_max = 256u << 10;

    // Bytes of large publishes that one worker assembles at a time, and the largest one taken at
    // all.
    uint64_t assembly_bytes_max = 64ull << 20;
    uint32_t message_bytes_max = 32u << 20;

    // History streams (sessions that catch up, retained replays) open at a time on one worker.
    uint32_t history_streams_max = 64;

    // Kafka topics opened because of ${params} in a route, per worker: clients choose their names.
    uint32_t dynamic_topics_max = 256;

    // Subscriptions of one client.
    uint32_t subscriptions_max = 10'000;

    // How long a session of a v3.1.1 client with clean session 0 waits for it: such a client can
    // only say "for ever".
    uint32_t v311_session_expiry_s = 7 * 24 * 3600;

    // How long a CONNECT whose session another instance has waits for what that instance knows. It
    // is answered within a few ms by one that is alive; one that is gone costs this time once.
    uint32_t takeover_wait_ms = 500;

    // Sessions of one worker that are read from the sessions topic at a time, at CONNECT.
    uint32_t session_loads_max = 64;

    // How often the place of a group of shared subscriptions is committed; after a crash that much
    // may be delivered again. The last place is committed at once.
    uint32_t share_commit_ms = 1'000;

    // Deliveries of a shared subscription that may be under way to one member on another worker:
    // each is a copy. A member on the same worker is asked whether it has room.
    uint32_t share_remote_inflight_max = 64;
};

// Credit counted for each publish beside its payload: topic and properties are not payload but are
// held as well.
inline constexpr uint32_t publish_padding = 256;

// A waiting payload up to this size is copied, so that it does not pin the whole receive buffer it
// came in.
inline constexpr uint32_t copy_below = 4u << 10;

// A delivery up to this size is sent whole or not at all; a larger one is sent in pieces as credit
// allows.
inline constexpr uint32_t whole_delivery_max = 16u << 10;

// Levels of a topic name or filter. Each costs a record header and, in filters, a node of the
// index.
inline constexpr size_t levels_max = 200;

// Match results remembered per worker: topics, and subscriptions listed in all of them together.
inline constexpr size_t memo_topics_max = 4096;
inline constexpr size_t memo_subscriptions_max = 1u << 18;

// Topic names whose route is remembered per worker.
inline constexpr size_t route_memo_max = 4096;

// Credit on tails and history streams. It reserves no memory (payloads are slices of the log), so
// it is set by the largest record that Kafka may hold.
inline constexpr uint32_t record_window = 64u << 20;

// Records read from history that wait for the client of a session that has a history slot. What one
// history stream brings at least, so that a client with a small window does not need one per
// message.
inline constexpr size_t history_records_max = 128;

// QoS 2 deliveries of one session that wait until their packet ids are recorded; beyond them the
// session reads on from history.
inline constexpr size_t held_max = 256;

// The position and what is in flight with QoS 1 is recorded at most this often; after a crash that
// much may be delivered again.
inline constexpr uint32_t lazy_record_ms = 1'000;

// How far clocks of instances and other producers may be apart, where a time has to stand for a
// place: so much older records are delivered as well.
inline constexpr int64_t clock_skew_ms = 5'000;

// Publishers of QoS 2 whose newest publish is remembered, to recognise a second copy.
inline constexpr size_t copies_remembered_max = 16'384;

// Records of a retained replay remembered, so that their live copy is not delivered again, and for
// how long after the replay: the live copy is written when Kafka has acknowledged the retained one.
inline constexpr size_t replayed_max = 65'536;
inline constexpr uint32_t replayed_ms = 30'000;

// Reopening a stream that the Kafka binding ended: first and longest delay.
inline constexpr uint32_t reopen_ms_min = 50;
inline constexpr uint32_t reopen_ms_max = 5'000;

// Asking again whether a session may use a guarded topic, when the question was lost.
inline constexpr uint32_t access_retry_ms = 200;

// At most one event of a kind (and topic) in this time; the next one says how many were left out.
inline constexpr uint32_t event_interval_ms = 10'000;

}  // namespace weft::mqtt_kafka
