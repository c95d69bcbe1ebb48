// The vaults that serve, by qualified name, and who is to be told when one has new content: service
// weft.vaults/1.
#pragma once

#include "engine/entity_runtime.hpp"

#include <mutex>
#include <string>
#include <vector>

namespace weft {

struct binding_runtime;

class vaults {
public:
    // Service calls.
    int32_t find(const std::string& vault, uint32_t kind, const char* alias, weft_vault_each each,
                 void* ctx) const;
    int32_t watch(const std::string& vault, int32_t (*renew)(void*, weft_error*), void* ctx);
    int32_t sign(weft_worker* w, const std::string& vault, uint64_t signer, uint32_t scheme,
                 const weft_slice* data, weft_vault_signed done, void* ctx) const;

    // Whose create runs: watches are charged to it. Null: none.
    void set_creating(const binding_runtime* b) { creating_ = b; }
    // Its create failed, or it has been destroyed.
    void forget(const binding_runtime* b);

    // Replaces all; what served until now is returned.
    vault_map exchange(vault_map next);
    // What nobody needs any more.
    void retire(vault_map gone) { retired_.add(std::move(gone)); }
    void sweep() { retired_.sweep(); }
    vault_map current() const;

    struct watcher {
        const binding_runtime* binding;
        std::string vault;
        int32_t (*renew)(void* ctx, weft_error* e);
        void* ctx;
    };
    const std::vector<watcher>& watchers() const { return watchers_; }

private:
    std::shared_ptr<vault_runtime> at(const std::string& name) const;

    mutable std::mutex mutex_;  // of current_: workers sign
    vault_map current_;
    retired_entities<weft_vault_vt> retired_;
    std::vector<watcher> watchers_;
    const binding_runtime* creating_ = nullptr;
};

}  // namespace weft
