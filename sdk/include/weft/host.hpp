// The host's services as one plugin sees them.
//
// Filled once in init, before any other code of the plugin runs, and constant from then on. It is
// the one global of the C++ layer: handles such as weft::stream stay one pointer wide. Hidden
// visibility keeps it private to the .so.
#pragma once

#include <weft/abi.h>

namespace weft {

struct host_services {
    weft_host* host = nullptr;
    const weft_host_vt* vt = nullptr;
    const weft_streams_vt* streams = nullptr;
    const weft_buffers_vt* buffers = nullptr;
    const weft_reactor_vt* reactor = nullptr;
    const weft_listeners_vt* listeners = nullptr;  // may be null: ask before use
    const weft_tasks_vt* tasks = nullptr;          // may be null
    const weft_events_vt* events = nullptr;
    const weft_metrics_vt* metrics = nullptr;  // may be null
    const weft_shared_vt* shared = nullptr;    // may be null
    const weft_vaults_vt* vaults = nullptr;    // may be null
    const weft_guards_vt* guards = nullptr;    // may be null
};

inline host_services services;

inline void log(weft_level level, const char* text) {
    services.vt->log(services.host, level, text);
}

}  // namespace weft
