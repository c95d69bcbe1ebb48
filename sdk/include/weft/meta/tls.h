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

#ifdef __cplusplus
}
#endif
#endif
