/* Metadata of WebSocket connections (draft, may still change): DATA is the payload of messages.
 *
 *   ws server                                 what it exits to (mqtt, or an application)
 *   BEGIN ws.begin                        ->
 *   DATA  one message: INIT .. FIN        ->  with ws.data on INIT where it is text
 *   END   ws.end                          ->  the peer has closed
 *
 * and the same towards a ws client, whose opener may ask for a protocol and a target by ws.begin.
 * Where the subprotocol is one of MQTT's the bytes are a stream: several messages may come as one
 * DATA.
 */
#ifndef WEFT_META_WS_H
#define WEFT_META_WS_H
#include "../abi.h"
#ifdef __cplusplus
extern "C" {
#endif

#define WEFT_META_WS_BEGIN_NAME "ws.begin/1"
#define WEFT_META_WS_BEGIN 0xd9bebd20u
/* BEGIN. The addresses are those of the connection below, as in tcp.begin/1. */
typedef struct weft_ws_begin {
    weft_meta m;
    weft_ref local_host, remote_host;
    uint16_t local_port, remote_port;
    uint32_t pad;
    weft_ref protocol;  /* the subprotocol agreed upon, or asked for; null: none */
    weft_ref scheme;    /* "http", "https" where the bytes are encrypted */
    weft_ref authority; /* "localhost:7114" */
    weft_ref path;      /* with the query */
    /* What tls knows of the connection below; null without. */
    weft_ref tls_version, tls_cipher, tls_peer_name, tls_authority, tls_alpn;
} weft_ws_begin;

#define WEFT_META_WS_DATA_NAME "ws.data/1"
#define WEFT_META_WS_DATA 0x1bfd8e67u
/* DATA with INIT: without it the message is binary. */
typedef struct weft_ws_data {
    weft_meta m;
    uint32_t opcode; /* 1 text, 2 binary (RFC 6455, 11.8) */
    uint32_t pad;
} weft_ws_data;

#define WEFT_META_WS_END_NAME "ws.end/1"
#define WEFT_META_WS_END 0x5dd79494u
/* END, ABORT and RESET towards the application: how the connection was closed. */
typedef struct weft_ws_end {
    weft_meta m;
    uint16_t code; /* RFC 6455, 7.4: 1005 none was given, 1006 there was no Close */
    uint16_t pad16;
    uint32_t pad;
    weft_ref reason;
} weft_ws_end;

#ifdef __cplusplus
}
#endif
#endif
