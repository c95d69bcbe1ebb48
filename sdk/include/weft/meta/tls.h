/* Metadata of byte streams that were encrypted (draft, may still change): what tls knows of them.
 */
#ifndef WEFT_META_TLS_H
#define WEFT_META_TLS_H
#include "../abi.h"
#ifdef __cplusplus
extern "C" {
#endif

#define WEFT_META_TLS_BEGIN_NAME "tls.begin/1"
#define WEFT_META_TLS_BEGIN 0x2098c4f1u
/* BEGIN of what a tls server opens, once the handshake is done. The addresses are those of the
 * connection below, as in tcp.begin/1. */
typedef struct weft_tls_begin {
    weft_meta m;
    weft_ref local_host, remote_host;
    uint16_t local_port, remote_port;
    uint32_t resumed;   /* 1: a session of before was taken up again */
    weft_ref authority; /* the name that the client asked for (SNI); null: none */
    weft_ref alpn;      /* the protocol that was agreed upon; null: none */
    weft_ref version;   /* "TLSv1.3" */
    weft_ref cipher;    /* "TLS_AES_256_GCM_SHA384" */
    weft_ref peer_name; /* common name of the client's verified certificate; null: it sent none */
} weft_tls_begin;

/*
 * TLS by the kernel (kTLS). Towards a neighbour whose tcp.begin has WEFT_TCP_TAKES_TLS_KEYS, once
 * per stream: what was sent before is TLS records; the payload of each DATA after it is plaintext
 * that the socket's kernel makes records of. The neighbour ends the stream when the kernel does not
 * take the keys, so ask the kernel first.
 */
#define WEFT_META_TLS_KEYS_NAME "tls.keys/1"
#define WEFT_META_TLS_KEYS 0xf4a7a9ecu
/* FLUSH with reserved 0. */
typedef struct weft_tls_keys {
    weft_meta m;
    weft_ref crypto_info; /* bytes: what setsockopt(SOL_TLS, TLS_TX) takes, as linux/tls.h has it */
} weft_tls_keys;

#define WEFT_META_TLS_RECORD_NAME "tls.record/1"
#define WEFT_META_TLS_RECORD 0x1387b7f9u
/* On DATA after tls.keys: the payload is a record of another type than application data. */
typedef struct weft_tls_record {
    weft_meta m;
    uint32_t content_type; /* RFC 8446, 5.1: 21 alert, 22 handshake */
    uint32_t pad;
} weft_tls_record;

#ifdef __cplusplus
}
#endif
#endif
