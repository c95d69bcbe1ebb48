/* Metadata of byte streams over TCP (also carried on by tls and ws): who talks to whom. */
#ifndef WEFT_META_TCP_H
#define WEFT_META_TCP_H
#include "../abi.h"
#ifdef __cplusplus
extern "C" {
#endif

#define WEFT_META_TCP_BEGIN_NAME "tcp.begin/1"
#define WEFT_META_TCP_BEGIN 0x9acca9a3u

/*
 * BEGIN. From a server: both addresses as literals. To a client: `remote_host` and `remote_port`
 * ask for that destination (a name or a literal); remote_host null means the client's own
 * configured one. In the reply: the addresses in use.
 */
typedef struct weft_tcp_begin {
    weft_meta m;
    weft_ref local_host; /* UTF-8, "127.0.0.1", "::1" */
    weft_ref remote_host;
    uint16_t local_port, remote_port;
    uint32_t flags; /* weft_tcp_flags; of the hop: who passes a connection on in frames of its own
                       does not pass them on */
} weft_tcp_begin;

enum weft_tcp_flags {
    WEFT_TCP_TAKES_TLS_KEYS = 1 /* the sender holds the socket and takes tls.keys and tls.record */
};

#define WEFT_META_TCP_RESET_NAME "tcp.reset/1"
#define WEFT_META_TCP_RESET 0xb899d265u
/* RESET or ABORT from a client: why there is no connection. END, from either kind: the binding
 * gives the connection up, not the peer; what is said in answer still reaches the peer. */
typedef struct weft_tcp_reset {
    weft_meta m;
    int32_t error; /* errno, or 0 */
    uint32_t pad;
    weft_ref text; /* "connect to localhost:9092: Connection refused" */
} weft_tcp_reset;

#ifdef __cplusplus
}
#endif
#endif
