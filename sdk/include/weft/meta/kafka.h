/* clang-format off */
/*
 * Metadata of Kafka streams: mqtt-kafka -> kafka cache_client -> cache_server -> client. One stream
 * has one role.
 *
 *   role     opened towards          carries
 *   PRODUCE  cache_client and below  up: DATA kafka.produce
 *                                    down: FLUSH kafka.produced, the broker's answer per record
 *   TAIL     cache_client            down: FLUSH kafka.partitions first and at each change, then
 *                                    DATA kafka.record, live, all partitions
 *   HISTORY  cache_client            down: DATA kafka.record from the given positions, FLUSH
 *                                    kafka.progress, END at the end
 *   FETCH    cache_server -> client  down: DATA kafka.record of the given partitions from the given
 *                                    offsets, for ever; FLUSH kafka.progress when offsets before
 *                                    the log's end hold no record
 *   META     all                     down: FLUSH kafka.partitions first and at each change
 *   OFFSETS  all                     the places of a consumer group in the topic. Down: FLUSH
 *                                    kafka.offsets first, what is committed, then the answer to
 *                                    each kafka.offsets up, which commits
 *   ACCESS   all                     nothing: BEGIN in reply says that who the stream's `auth` is
 *                                    may use the topic, RESET kafka.reset 29 that it may not
 *
 * Where routes are guarded, a stream is refused with RESET kafka.reset 29 (TOPIC_AUTHORIZATION_FAILED)
 * unless its `auth` is permitted the topic. One that serves many clients is opened SHARED: its
 * opener asks for each of them by ACCESS.
 *
 * Each of them tells trouble with FLUSH kafka.status: a topic that does not exist, or a cluster that
 * cannot be reached, does not end a stream. The opener's direction of TAIL, HISTORY, FETCH and META
 * carries nothing but BEGIN and END. Nobody joins the group of an OFFSETS stream.
 */
/* clang-format on */
#ifndef WEFT_META_KAFKA_H
#define WEFT_META_KAFKA_H
#include "../abi.h"
#ifdef __cplusplus
extern "C" {
#endif

enum weft_kafka_role {
    WEFT_KAFKA_PRODUCE = 1,
    WEFT_KAFKA_TAIL = 2,
    WEFT_KAFKA_HISTORY = 3,
    WEFT_KAFKA_FETCH = 4,
    WEFT_KAFKA_META = 5,
    WEFT_KAFKA_OFFSETS = 6,
    WEFT_KAFKA_ACCESS = 7
};
enum { /* weft_kafka_begin.flags */
       WEFT_KAFKA_NEWEST_PER_KEY =
           1, /* HISTORY: only the newest record of each key, null and empty values left out */
       WEFT_KAFKA_FRESH = 2,  /* META: partitions as the cluster tells them from now on, not what a
                                 cache has heard before */
       WEFT_KAFKA_SHARED = 4, /* any but ACCESS: serves many clients, whose rights the opener asks
                                 for. ACCESS: asks for nobody, only whether anybody need be asked */
       WEFT_KAFKA_GUARDED = 8 /* reply to ACCESS: not everybody may use the topic */
};
enum { WEFT_KAFKA_OFFSET_LIVE = -1, WEFT_KAFKA_OFFSET_BEGIN = -2 }; /* special offsets */

/* A place in a partition. `end` -1: up to what is the log's end when the stream opens. */
typedef struct weft_kafka_position {
    int64_t offset, end;
    int32_t partition;
    uint32_t pad;
} weft_kafka_position;

/* Which keys a HISTORY stream wants; several are OR-ed, none = all. LEVELS: levels divided by '/',
 * '+' is one level, a final '#' the rest including none; wildcards in the first level do not match
 * keys that begin with '$' (MQTT 4.7). */
enum { WEFT_KAFKA_KEY_EQUALS = 1, WEFT_KAFKA_KEY_LEVELS = 2 };
typedef struct weft_kafka_filter {
    weft_ref pattern;
    uint32_t kind, pad;
} weft_kafka_filter;

#define WEFT_META_KAFKA_BEGIN_NAME "kafka.begin/1"
#define WEFT_META_KAFKA_BEGIN 0xfaaf5b8eu
typedef struct weft_kafka_begin {
    weft_meta m;
    uint8_t role, flags;
    uint16_t pad;
    uint32_t pad2;
    weft_ref topic;
    weft_ref positions; /* HISTORY, FETCH: list of weft_kafka_position; HISTORY without any: all
                           partitions from the beginning */
    weft_ref filters;   /* HISTORY: list of weft_kafka_filter */
    weft_ref store; /* reply of a cache_server to a cache_client of the same plugin: the name of the
                       shared log store */
    weft_ref group; /* OFFSETS: the consumer group */
} weft_kafka_begin;

#define WEFT_META_KAFKA_RECORD_NAME "kafka.record/1"
#define WEFT_META_KAFKA_RECORD 0x24a11910u
enum {
    WEFT_KAFKA_NULL_VALUE = 1
}; /* flags of record and produce: no payload at all, a tombstone */
/* On DATA; the payload is the record's value (whole: INIT|FIN). */
typedef struct weft_kafka_record {
    weft_meta m;
    int64_t offset, timestamp_ms;
    int32_t partition;
    uint32_t flags;
    weft_ref key;     /* null and empty differ */
    weft_ref headers; /* list of weft_pair, in order; a value may be null */
} weft_kafka_record;

#define WEFT_META_KAFKA_PRODUCE_NAME "kafka.produce/1"
#define WEFT_META_KAFKA_PRODUCE 0x2ae6beebu
typedef struct weft_kafka_produce {
    weft_meta m;
    uint64_t token;       /* comes back in kafka.produced; unique per stream while outstanding */
    int64_t timestamp_ms; /* -1 = now */
    int32_t partition;    /* -1 = murmur2 of hash_key, else of key, else any */
    uint32_t flags;
    weft_ref key, hash_key;
    weft_ref headers; /* list of weft_pair */
} weft_kafka_produce;

#define WEFT_META_KAFKA_PRODUCED_NAME "kafka.produced/1"
#define WEFT_META_KAFKA_PRODUCED 0x6d268289u
/* FLUSH with reserved 0: the record of `token` is written (error 0) or will never be retried again
 * (error != 0). */
typedef struct weft_kafka_produced {
    weft_meta m;
    uint64_t token;
    int64_t offset;
    int32_t partition;
    int32_t error; /* Kafka protocol error code; -1 for errors that have none */
    weft_ref text; /* null when error is 0 */
} weft_kafka_produced;

enum { WEFT_KAFKA_COMPACTED = 1, WEFT_KAFKA_DELETED = 2 }; /* cleanup.policy; 0 = not known */
typedef struct weft_kafka_partition {
    int64_t begin, next; /* offsets: oldest readable, and the one the next record gets (TAIL: where
                            live delivery starts) */
    int32_t id;
    uint32_t pad;
} weft_kafka_partition;

#define WEFT_META_KAFKA_PARTITIONS_NAME "kafka.partitions/1"
#define WEFT_META_KAFKA_PARTITIONS 0xc975beceu
/* FLUSH with reserved 0: every partition of the topic. On a TAIL, a listed partition is live from
 * `next` on: its records follow as DATA. */
typedef struct weft_kafka_partitions {
    weft_meta m;
    uint32_t cleanup, pad;
    weft_ref partitions; /* list of weft_kafka_partition */
    weft_ref cluster_id; /* null = not known */
} weft_kafka_partitions;

#define WEFT_META_KAFKA_PROGRESS_NAME "kafka.progress/1"
#define WEFT_META_KAFKA_PROGRESS 0x203a4146u
/* FLUSH with reserved 0 on HISTORY and FETCH: everything below these offsets was delivered or did
 * not match. `end` = the target. */
typedef struct weft_kafka_progress {
    weft_meta m;
    weft_ref positions; /* list of weft_kafka_position */
} weft_kafka_progress;

#define WEFT_META_KAFKA_OFFSETS_NAME "kafka.offsets/1"
#define WEFT_META_KAFKA_OFFSETS 0xf18ded3fu
/* FLUSH with reserved 0 on OFFSETS. Up: commit these offsets, one commit at a time. Down: first
 * what is committed, of every partition that has something; then, with `token`, what became of a
 * commit. */
typedef struct weft_kafka_place {
    int64_t offset;     /* of the next record that the group will read */
    int64_t begin, end; /* of what is committed: the log's two ends just after, -1 when not known.
                           An offset outside of them is of a log that was truncated or made anew */
    int32_t partition;
    uint32_t pad;
} weft_kafka_place;

typedef struct weft_kafka_offsets {
    weft_meta m;
    uint64_t token;  /* of a commit, not 0; comes back in its answer */
    weft_ref places; /* list of weft_kafka_place */
    weft_ref text;   /* null when error is 0 */
    int32_t error;   /* Kafka protocol error code; -1 for errors that have none */
    uint32_t pad;
} weft_kafka_offsets;

enum weft_kafka_state {
    WEFT_KAFKA_OK = 0,
    WEFT_KAFKA_UNREACHABLE = 1,   /* no broker answers; retried for ever */
    WEFT_KAFKA_NO_TOPIC = 2,      /* the cluster does not have the topic; asked again */
    WEFT_KAFKA_NOT_AUTHORIZED = 3 /* authentication or authorisation refused; retried */
};
#define WEFT_META_KAFKA_STATUS_NAME "kafka.status/1"
#define WEFT_META_KAFKA_STATUS 0xdf00358bu
/* FLUSH with reserved 0, on every role, whenever the state changes. */
typedef struct weft_kafka_status {
    weft_meta m;
    int32_t error; /* Kafka protocol error code, 0 when none applies */
    uint32_t state;
    weft_ref text; /* one line for people: "topic 'x' does not exist" */
} weft_kafka_status;

#define WEFT_META_KAFKA_RESET_NAME "kafka.reset/1"
#define WEFT_META_KAFKA_RESET 0x61f997dcu
typedef struct weft_kafka_reset {
    weft_meta m;
    int32_t error;
    uint32_t pad;
    weft_ref text;
} weft_kafka_reset;

#ifdef __cplusplus
}
#endif
#endif
