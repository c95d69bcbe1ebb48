/* Metadata of HTTP messages (draft, may still change): one stream per request.
 *
 *   http server                               what it exits to (ws, or an application)
 *   BEGIN http.begin (the request)        ->
 *   DATA  the request's body, if any      ->
 *   END                                   ->  not when it asks for an upgrade
 *                                         <-  BEGIN http.begin (the answer), or RESET: 404
 *                                         <-  DATA  the answer's body
 *                                         <-  END
 *
 * A request with `upgrade` that is answered with 101 makes both directions a byte tunnel: DATA is
 * what follows the head on the connection, and metadata on it does not matter.
 */
#ifndef WEFT_META_HTTP_H
#define WEFT_META_HTTP_H
#include "../abi.h"
#ifdef __cplusplus
extern "C" {
#endif

#define WEFT_META_HTTP_BEGIN_NAME "http.begin/1"
#define WEFT_META_HTTP_BEGIN 0x194953fau
/* BEGIN, in both directions. Names are lower case, a name may come several times, and pseudo
 * headers come first: ":method", ":scheme" ("http", "https" where the bytes are encrypted),
 * ":authority" and
 * ":path" of a request, ":status" ("101") of an answer. Framing headers (content-length,
 * transfer-encoding) are the http binding's own in both directions. */
typedef struct weft_http_begin {
    weft_meta m;
    weft_ref headers; /* list of weft_pair */
    /* Of a request: the addresses of the connection below, as in tcp.begin/1, and what tls knows of
     * it. */
    weft_ref local_host, remote_host;
    uint16_t local_port, remote_port;
    uint32_t pad;
    weft_ref tls_version, tls_cipher, tls_peer_name, tls_authority, tls_alpn;
} weft_http_begin;

#ifdef __cplusplus
}
#endif
#endif
