/* clang-format off */
/*
 * Metadata between an mqtt server binding and what it exits to (mqtt-kafka): one stream per
 * connection and exit.
 *
 *   server                                    session provider
 *   BEGIN mqtt.begin (CONNECT)            ->
 *                                         <-  BEGIN mqtt.begin (the accepted values: becomes CONNACK),
 *                                             or RESET mqtt.reset
 *   DATA  mqtt.publish                    ->
 *                                         <-  FLUSH mqtt.ack (PUBACK, PUBREC, PUBCOMP with reason)
 *   FLUSH mqtt.subscribe, unsubscribe     ->
 *                                         <-  FLUSH mqtt.suback
 *                                         <-  DATA  mqtt.publish (delivery, packet id chosen by the
 *                                             provider)
 *   FLUSH mqtt.ack (PUBACK ... PUBCOMP)   ->
 *   END   mqtt.reset (DISCONNECT)         ->      ABORT: the connection broke without DISCONNECT
 *                                         <-  END, ABORT or RESET mqtt.reset (end the client with
 *                                             this reason)
 *
 * Every FLUSH has reserved 0. The provider owns the session: packet ids of deliveries, in-flight
 * limits (the client's Receive Maximum) and redelivery. The server owns the connection: syntax, keep
 * alive, topic aliases, packet sizes and the reason codes of the version. Numbers in comments are
 * sections of MQTT 5.0 (OASIS).
 */
/* clang-format on */
#ifndef WEFT_META_MQTT_H
#define WEFT_META_MQTT_H
#include "../abi.h"
#ifdef __cplusplus
extern "C" {
#endif

enum { WEFT_MQTT_V311 = 4, WEFT_MQTT_V5 = 5 };
enum {
    WEFT_MQTT_CLEAN_START = 1,     /* BEGIN up: 3.1.2.4 */
    WEFT_MQTT_WILL = 2,            /* BEGIN up: a will follows as DATA mqtt.will */
    WEFT_MQTT_SESSION_PRESENT = 4, /* BEGIN reply: 3.2.2.1.1 */
    WEFT_MQTT_PROBLEM_INFO = 8     /* BEGIN up: reason strings are wanted, 3.1.2.11.7 */
};
enum { /* capabilities in the reply: what the provider can do */
       WEFT_MQTT_CAP_RETAIN = 1,
       WEFT_MQTT_CAP_WILDCARD = 2,
       WEFT_MQTT_CAP_SUBSCRIPTION_IDS = 4,
       WEFT_MQTT_CAP_SHARED = 8,
       WEFT_MQTT_CAP_WILL = 16
};
#define WEFT_MQTT_EXPIRY_NEVER 0xffffffffu

#define WEFT_META_MQTT_BEGIN_NAME "mqtt.begin/1"
#define WEFT_META_MQTT_BEGIN 0xf419c794u
typedef struct weft_mqtt_begin {
    weft_meta m;
    uint8_t version; /* protocol level: 4 or 5 */
    uint8_t flags;
    uint8_t qos_max;           /* reply: highest QoS of a PUBLISH from the client */
    uint8_t capabilities;      /* reply */
    uint32_t session_expiry_s; /* up: asked for (v3.1.1 clean session 0: NEVER); reply: granted */
    uint32_t packet_size_max;  /* up: largest packet the client takes; 0 = no limit */
    uint16_t receive_max;      /* up: unacknowledged QoS 1/2 deliveries the client takes, 1..65535;
                                  reply: what the client may have */
    uint16_t keep_alive_s;     /* up: as used by the server */
    weft_ref client_id;        /* never empty: the server assigned one if the client had none */
    weft_ref identity;         /* of the guard session, null = anonymous */
    weft_ref local_host;       /* where the client connected to */
    uint32_t local_port, pad;
} weft_mqtt_begin;

enum { WEFT_MQTT_RETAIN = 1, WEFT_MQTT_DUP = 2, WEFT_MQTT_HAS_EXPIRY = 4 };
enum { WEFT_MQTT_FORMAT_BINARY = 0, WEFT_MQTT_FORMAT_TEXT = 1, WEFT_MQTT_FORMAT_NONE = 2 };

#define WEFT_META_MQTT_PUBLISH_NAME "mqtt.publish/1"
#define WEFT_META_MQTT_PUBLISH 0xdaf1d85eu
/* On the DATA frame with INIT; the payload is the frames' payload, alias already resolved to the
 * topic. */
typedef struct weft_mqtt_publish {
    weft_meta m;
    uint8_t qos;
    uint8_t flags;  /* up: RETAIN, DUP as received; down: as to be sent */
    uint8_t format; /* Payload Format Indicator, NONE when absent */
    uint8_t pad;
    uint16_t packet_id; /* QoS 1/2: the client's up, the provider's down; 0 with QoS 0 */
    uint16_t pad2;
    uint32_t expiry_s; /* with HAS_EXPIRY: as sent by the client; down: what remains */
    uint32_t deferred; /* payload bytes that follow in further DATA frames of this message */
    weft_ref topic;
    weft_ref content_type, response_topic, correlation; /* null when absent */
    weft_ref properties; /* list of weft_pair: user properties, in order, repeated ones kept */
    weft_ref subscription_ids; /* down: list of uint32_t */
} weft_mqtt_publish;

#define WEFT_META_MQTT_WILL_NAME "mqtt.will/1"
#define WEFT_META_MQTT_WILL 0x4aef7fdfu
/* DATA right behind a BEGIN with WEFT_MQTT_WILL; the payload is the will's. The provider publishes
 * it when the stream ABORTs, or ENDs with reason 0x04, and `delay_s` or the session's end has
 * passed (3.1.2.5, 3.1.3.2.2). */
typedef struct weft_mqtt_will {
    weft_meta m;
    uint8_t qos;
    uint8_t flags;  /* RETAIN, HAS_EXPIRY */
    uint8_t format; /* Payload Format Indicator, NONE when absent */
    uint8_t pad;
    uint32_t delay_s;
    uint32_t expiry_s;
    uint32_t deferred; /* payload bytes that follow in further DATA frames */
    weft_ref topic;
    weft_ref content_type, response_topic, correlation; /* null when absent */
    weft_ref properties; /* list of weft_pair: user properties, in order, repeated ones kept */
} weft_mqtt_will;

#define WEFT_META_MQTT_ACK_NAME "mqtt.ack/1"
#define WEFT_META_MQTT_ACK 0xd773dee4u
/* FLUSH with reserved 0, both ways. `type` is the MQTT packet type: 4 PUBACK, 5 PUBREC, 6 PUBREL, 7
 * PUBCOMP. */
typedef struct weft_mqtt_ack {
    weft_meta m;
    uint8_t type, reason;
    uint16_t packet_id;
    uint32_t pad;
    weft_ref reason_string; /* null = none */
} weft_mqtt_ack;

enum { WEFT_MQTT_NO_LOCAL = 1, WEFT_MQTT_RETAIN_AS_PUBLISHED = 2 };
/* One topic filter of a SUBSCRIBE (3.8.3.1). */
typedef struct weft_mqtt_filter {
    weft_ref pattern;
    uint8_t qos, flags, retain_handling, pad;
    uint32_t pad2;
} weft_mqtt_filter;

#define WEFT_META_MQTT_SUBSCRIBE_NAME "mqtt.subscribe/1"
#define WEFT_META_MQTT_SUBSCRIBE 0xce545ff1u
typedef struct weft_mqtt_subscribe {
    weft_meta m;
    uint16_t packet_id, pad;
    uint32_t subscription_id; /* 0 = none */
    weft_ref filters;         /* list of weft_mqtt_filter */
} weft_mqtt_subscribe;

#define WEFT_META_MQTT_UNSUBSCRIBE_NAME "mqtt.unsubscribe/1"
#define WEFT_META_MQTT_UNSUBSCRIBE 0xce22f7bcu
typedef struct weft_mqtt_unsubscribe {
    weft_meta m;
    uint16_t packet_id, pad;
    uint32_t pad2;
    weft_ref patterns; /* list of weft_ref */
} weft_mqtt_unsubscribe;

#define WEFT_META_MQTT_SUBACK_NAME "mqtt.suback/1"
#define WEFT_META_MQTT_SUBACK 0xca0841e8u
/* FLUSH with reserved 0. Reasons are those of v5; the server translates for v3.1.1. */
typedef struct weft_mqtt_suback {
    weft_meta m;
    uint16_t packet_id;
    uint8_t type; /* MQTT packet type: 9 SUBACK, 11 UNSUBACK */
    uint8_t pad;
    uint32_t pad2;
    weft_ref reasons; /* one byte per filter, in order */
    weft_ref reason_string;
} weft_mqtt_suback;

#define WEFT_META_MQTT_RESET_NAME "mqtt.reset/1"
#define WEFT_META_MQTT_RESET 0x33ca02b6u
/* RESET before the reply BEGIN: the CONNACK reason. END or ABORT or RESET later: the DISCONNECT
 * reason. */
typedef struct weft_mqtt_reset {
    weft_meta m;
    uint8_t reason, pad[3];
    uint32_t session_expiry_s; /* up, END: changed by DISCONNECT; else what CONNECT asked for */
    weft_ref reason_string, server_reference; /* null = none */
} weft_mqtt_reset;

#ifdef __cplusplus
}
#endif
#endif
