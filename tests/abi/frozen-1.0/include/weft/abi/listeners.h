/* Service weft.listeners/1: listening sockets, owned by the host and leased to bindings so that
 * they outlive a swap. */
#ifndef WEFT_ABI_LISTENERS_H
#define WEFT_ABI_LISTENERS_H
#include "../abi.h"
#ifdef __cplusplus
extern "C" {
#endif

#define WEFT_LISTENERS "weft.listeners/1"

typedef struct weft_listeners_vt {
    uint32_t size, flags;
    /* Leases this worker's listening TCP socket for `host`:`port` (a literal address or a name;
     * SO_REUSEPORT spreads connections over the workers). *fd is non-blocking, stays the host's and
     * must not be closed; watch it for READABLE and accept4. Generations of one binding may lease
     * the same socket side by side, each with a descriptor of its own: no connection is refused
     * while one follows the other. Returns a lease id, or 0 with `e` filled: address in use (by
     * another process or binding), not permitted, not resolvable. May block on name resolution:
     * call it in attach only. [worker] */
    uint64_t (*lease)(weft_worker* w, const char* host, uint16_t port, int32_t backlog, int* fd,
                      weft_error* e);
    void (*release)(weft_worker* w, uint64_t lease); /* [worker] cancel the watch first */
} weft_listeners_vt;

#ifdef __cplusplus
}
#endif
#endif /* WEFT_ABI_LISTENERS_H */
