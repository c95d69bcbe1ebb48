/* Sizes and offsets of the frames: part of the binary contract, the same in C11 and in C++20. */
#ifndef WEFT_SDK_TESTS_ABI_LAYOUT_H
#define WEFT_SDK_TESTS_ABI_LAYOUT_H
#include <stddef.h>
#include <weft/abi.h>

#ifdef __cplusplus
#define WEFT_STATIC_ASSERT(x) static_assert(x, #x)
#else
#define WEFT_STATIC_ASSERT(x) _Static_assert(x, #x)
#endif
#define WEFT_AT(type, member, offset) WEFT_STATIC_ASSERT(offsetof(type, member) == (offset))
#define WEFT_SIZE(type, bytes) WEFT_STATIC_ASSERT(sizeof(type) == (bytes))

WEFT_SIZE(void*, 8);
WEFT_SIZE(weft_slice, 24);
WEFT_AT(weft_slice, owner, 0);
WEFT_AT(weft_slice, data, 8);
WEFT_AT(weft_slice, len, 16);
WEFT_AT(weft_slice, flags, 20);

WEFT_SIZE(weft_ref, 8);
WEFT_SIZE(weft_pair, 16);
WEFT_SIZE(weft_meta, 16);
WEFT_AT(weft_meta, size, 0);
WEFT_AT(weft_meta, type, 4);
WEFT_AT(weft_meta, fixed, 8);

WEFT_SIZE(weft_frame, 32);
WEFT_AT(weft_frame, size, 0);
WEFT_AT(weft_frame, kind, 4);
WEFT_AT(weft_frame, flags, 6);
WEFT_AT(weft_frame, trace_id, 8);
WEFT_AT(weft_frame, auth, 16);
WEFT_AT(weft_frame, meta, 24);

WEFT_SIZE(weft_begin, 48);
WEFT_AT(weft_begin, affinity, 32);
WEFT_AT(weft_begin, origin_id, 40);

WEFT_SIZE(weft_data, 64);
WEFT_AT(weft_data, sequence, 32);
WEFT_AT(weft_data, budget, 40);
WEFT_AT(weft_data, reserved, 48);
WEFT_AT(weft_data, iovcnt, 52);
WEFT_AT(weft_data, iov, 56);

WEFT_SIZE(weft_flush, 56);
WEFT_AT(weft_flush, sequence, 32);
WEFT_AT(weft_flush, budget, 40);
WEFT_AT(weft_flush, reserved, 48);

WEFT_SIZE(weft_window, 64);
WEFT_AT(weft_window, acknowledge, 32);
WEFT_AT(weft_window, budget, 40);
WEFT_AT(weft_window, maximum, 48);
WEFT_AT(weft_window, padding, 52);
WEFT_AT(weft_window, minimum, 56);
WEFT_AT(weft_window, caps, 60);

WEFT_SIZE(weft_error, 512);
WEFT_AT(weft_error, path, 4);
WEFT_AT(weft_error, text, 128);

/* Tables grow at their end only: what is there stays where it is. */
WEFT_AT(weft_binding_vt, type, 8);
WEFT_AT(weft_binding_vt, create, 40);
WEFT_AT(weft_binding_vt, destroy, 48);
WEFT_AT(weft_binding_vt, attach, 56);
WEFT_AT(weft_binding_vt, accept, 64);
WEFT_AT(weft_binding_vt, drain, 72);
WEFT_AT(weft_binding_vt, detach, 80);
WEFT_AT(weft_plugin, name, 16);
WEFT_AT(weft_plugin, bindings, 32);
WEFT_AT(weft_plugin, init, 40);
WEFT_AT(weft_plugin, deinit, 48);
WEFT_AT(weft_plugin, get, 56);
WEFT_AT(weft_host_vt, get, 16);
WEFT_AT(weft_host_vt, intern, 24);
WEFT_AT(weft_host_vt, log, 32);
WEFT_AT(weft_endpoint_vt, on_frame, 8);
WEFT_AT(weft_endpoint_vt, on_closed, 16);
WEFT_AT(weft_streams_vt, open, 8);
WEFT_AT(weft_streams_vt, send, 16);
WEFT_AT(weft_streams_vt, credit, 24);
WEFT_AT(weft_reactor_vt, now, 8);
WEFT_AT(weft_reactor_vt, post, 56);
WEFT_AT(weft_reactor_vt, defer, 72);

#endif
