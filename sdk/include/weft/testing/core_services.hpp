// Listeners, shared objects, events and metrics of the test kit's engine; included by core.hpp.
#pragma once

#include <weft/hash.hpp>
#include <weft/testing/core.hpp>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>

namespace weft::testing::detail {

inline int32_t fill(weft_error* e, int32_t code, const std::string& text) {
    if (e) {
        e->code = code;
        e->path[0] = 0;
        std::snprintf(e->text, sizeof e->text, "%s", text.c_str());
    }
    return code;
}

// A real socket on a free port of 127.0.0.1, whatever address was asked for.
inline uint64_t core::lease(worker_state* w, const char* host, uint16_t port, int* fd,
                            weft_error* e) {
    if (!check_call(w, "lease")) return fill(e, WEFT_E_INVALID, "wrong thread or handle"), 0;
    if (!refuse_leases.empty()) return fill(e, WEFT_E_IO, refuse_leases), 0;
    const std::string address = std::string(host) + ":" + std::to_string(port);
    auto it = sockets_.find(address);
    if (it != sockets_.end() && it->second.binding != w->name)
        return fill(e, WEFT_E_BUSY, address + " is leased by " + it->second.binding), 0;
    if (it == sockets_.end()) {
        const int s = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        sockaddr_in a{};
        a.sin_family = AF_INET;
        a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof a;
        auto* at = reinterpret_cast<sockaddr*>(&a);
        if (s < 0 || ::bind(s, at, size) != 0 || ::listen(s, SOMAXCONN) != 0 ||
            ::getsockname(s, at, &size) != 0) {
            if (s >= 0) ::close(s);
            return fill(e, WEFT_E_IO, "no listening socket on 127.0.0.1"), 0;
        }
        it = sockets_.emplace(address, socket_entry{s, ntohs(a.sin_port), w->name}).first;
        ports_[std::to_string(port)] = it->second.port;
    }
    // Each lease has a descriptor of its own, so that generations may lease side by side.
    const int own = ::fcntl(it->second.fd, F_DUPFD_CLOEXEC, 0);
    if (own < 0) return fill(e, WEFT_E_IO, "no descriptor left"), 0;
    *fd = own;
    leases_.emplace(++ids_, lease_entry{own, w, address});
    return ids_;
}

inline void core::release_lease(worker_state* w, uint64_t id) {
    if (!check_call(w, "release")) return;
    const auto it = leases_.find(id);
    if (it == leases_.end()) return;
    for (const auto& [watch_id, watch] : watches_)
        if (watch.fd == it->second.fd)
            report.add("leak.watch", w->name, "a lease was released while its socket is watched");
    ::close(it->second.fd);
    const std::string address = it->second.address;
    leases_.erase(it);
    for (const auto& [other_id, other] : leases_)
        if (other.address == address) return;
    ::close(sockets_.at(address).fd);
    sockets_.erase(address);
}

inline uint16_t core::listening_port(uint16_t asked) const {
    const auto it = ports_.find(std::to_string(asked));
    return it == ports_.end() ? uint16_t{0} : it->second;
}

inline std::vector<uint16_t> core::listening_ports() const {
    std::vector<uint16_t> out;
    for (const auto& [address, s] : sockets_) out.push_back(s.port);
    return out;
}

inline void* core::acquire(const void* plugin, const char* key, uint32_t version,
                           void* (*make)(void*), void* ctx, void (*destroy)(void*)) {
    const std::lock_guard lock(mutex_);
    const auto it = shared_.find(key);
    if (it != shared_.end()) {
        if (it->second.version != version) return nullptr;
        ++it->second.references;
        it->second.destroy[plugin] = destroy;
        return it->second.object;
    }
    void* object = make(ctx);
    if (object) shared_.emplace(key, shared_entry{version, object, {{plugin, destroy}}, 1});
    return object;
}

inline void core::release_shared(const void* plugin, const char* key) {
    shared_entry last;
    {
        const std::lock_guard lock(mutex_);
        const auto it = shared_.find(key);
        if (it == shared_.end()) {
            report.add("leak.shared", test.name,
                       std::string("shared object ") + key + " was released once too often");
            return;
        }
        if (--it->second.references != 0) return;
        last = it->second;
        shared_.erase(it);
    }
    // Each generation brings its own function: the others may be unmapped by now.
    const auto destroy = last.destroy.find(plugin);
    if (destroy != last.destroy.end() && destroy->second) destroy->second(last.object);
}

inline void core::emit(worker_state* w, uint32_t level, uint64_t trace, const char* id,
                       const char* text) {
    const std::string name = id ? id : "";
    const bool dotted = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    });
    if (!dotted || level > WEFT_ERROR || !text)
        report.add(
            "event.id", w->name,
            "emitted an event '" + name + "' whose id, level or text is not as it should be");
    const std::lock_guard lock(mutex_);
    events.push_back({level, trace, name, text ? text : ""});
}

inline void core::ready(worker_state* w, bool is_ready, const char* what) {
    const std::lock_guard lock(mutex_);
    w->ready = is_ready;
    w->waits_for = is_ready || !what ? "" : what;
}

inline void core::log(const std::string& plugin, uint32_t level, const char* text) {
    {
        const std::lock_guard lock(mutex_);
        logs.push_back({level, 0, {}, text});
    }
    // The C++ layer says so when it caught an exception of the binding.
    if (level >= WEFT_ERROR && error_logs_fail)
        report.add("log.error", plugin, std::string("logged an error: ") + text);
}

inline uint64_t* core::cell(worker_state* w, const char* name) {
    if (!check_call(w, "cell")) return nullptr;
    auto& c = w->metrics[name];
    if (!c) c = std::make_unique<uint64_t>(0);
    return c.get();
}

inline uint32_t core::intern(const char* name) {
    const uint32_t h = fnv1a_32(name);
    return names_.emplace(h, name).first->second == name ? h : 0;
}

inline void core::report_leaks() {
    buffers.report_leaks();
    const std::lock_guard lock(mutex_);
    for (const auto& [key, s] : shared_)
        report.add(
            "leak.shared", test.name,
            "shared object " + key + " is still held " + std::to_string(s.references) + " times");
    shared_.clear();
}

}  // namespace weft::testing::detail
