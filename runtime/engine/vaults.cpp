#include "engine/vaults.hpp"

#include "engine/binding_runtime.hpp"
#include "worker/loop.hpp"

namespace weft {
namespace {

// A signature under way: the vault stays, and so does the instance that waits.
struct signing {
    weft_worker* w;
    std::shared_ptr<vault_runtime> vault;
    weft_vault_signed done;
    void* ctx;
};

void signed_by_vault(void* request, int32_t rc, const weft_slice* signature) {
    std::string bytes;
    if (rc == WEFT_OK && signature)
        bytes.assign(reinterpret_cast<const char*>(signature->data), signature->len);
    auto* s = static_cast<signing*>(request);
    s->w->loop->run_on([s, rc, bytes = std::move(bytes)] {
        const std::unique_ptr<signing> mine(s);
        auto* w = s->w;
        const weft_slice out{nullptr, reinterpret_cast<const uint8_t*>(bytes.data()),
                             static_cast<uint32_t>(bytes.size()), 0};
        w->loop->enter(w, [&] { s->done(s->ctx, rc, &out); });
        w->tasks.fetch_sub(1);
        w->loop->look_at_rest(w);
    });
}

}  // namespace

std::shared_ptr<vault_runtime> vaults::at(const std::string& name) const {
    const std::lock_guard lock(mutex_);
    const auto it = current_.find(name);
    return it == current_.end() ? nullptr : it->second;
}

int32_t vaults::find(const std::string& vault, uint32_t kind, const char* alias,
                     weft_vault_each each, void* ctx) const {
    const auto v = at(vault);
    if (!v) return WEFT_E_GONE;
    return v->vt->find(v->object, kind, alias, each, ctx);
}

int32_t vaults::watch(const std::string& vault, int32_t (*renew)(void*, weft_error*), void* ctx) {
    if (!creating_ || !renew) return WEFT_E_INVALID;
    if (!at(vault)) return WEFT_E_GONE;
    watchers_.push_back({creating_, vault, renew, ctx});
    return WEFT_OK;
}

int32_t vaults::sign(weft_worker* w, const std::string& vault, uint64_t signer, uint32_t scheme,
                     const weft_slice* data, weft_vault_signed done, void* ctx) const {
    auto v = at(vault);
    if (!v) return WEFT_E_GONE;
    if (!v->vt->sign) return WEFT_E_UNSUPPORTED;
    w->tasks.fetch_add(1);
    auto* s = new signing{w, v, done, ctx};
    v->vt->sign(v->object, signer, scheme, data, signed_by_vault, s);
    return WEFT_OK;
}

void vaults::forget(const binding_runtime* b) {
    std::erase_if(watchers_, [b](const watcher& w) { return w.binding == b; });
}

vault_map vaults::exchange(vault_map next) {
    const std::lock_guard lock(mutex_);
    return std::exchange(current_, std::move(next));
}

vault_map vaults::current() const {
    const std::lock_guard lock(mutex_);
    return current_;
}

}  // namespace weft
