// The guards that serve, by qualified name, and the sessions that they made, per worker: service
// weft.guards/1.
#pragma once

#include "engine/entity_runtime.hpp"

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace weft {

// A session with all that it refers to.
struct guard_session {
    guard_session(const std::string& guard, uint64_t context, const weft_guard_session& from);
    guard_session(const guard_session&) = delete;
    guard_session& operator=(const guard_session&) = delete;

    bool same_rights(const guard_session& other) const;

    std::string guard, identity, credentials;
    std::vector<std::string> roles, attributes;
    std::vector<const char*> role_list, attribute_list;
    uint64_t context, references = 1;
    weft_guard_session view;
};

class guards {
public:
    // One table per worker; before any of them runs.
    void begin(uint32_t workers) { workers_.resize(workers); }

    // Service calls, on the worker.
    void verify(weft_worker* w, const std::string& guard, const weft_guard_request& q,
                weft_guard_done done, void* ctx);
    void retain(const weft_worker* w, uint64_t auth);
    void release(const weft_worker* w, uint64_t auth);
    const weft_guard_session* session(const weft_worker* w, uint64_t auth) const;

    // [control]
    void exchange(guard_map next);
    void sweep() { retired_.sweep(); }
    guard_map current() const;

private:
    struct table {
        std::unordered_map<uint64_t, std::unique_ptr<guard_session>> sessions;
        uint64_t last = 0;
    };
    struct pending;
    static void answered(void* request, const weft_guard_session* session, const char* refusal);
    void finish(pending& p);
    guard_session* find(const weft_worker* w, uint64_t auth) const;
    uint64_t keep(const pending& p, std::unique_ptr<guard_session> s);

    mutable std::mutex mutex_;  // of current_
    guard_map current_;
    retired_entities<weft_guard_vt> retired_;
    std::vector<table> workers_;
};

}  // namespace weft
