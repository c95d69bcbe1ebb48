// Vaults and guards of the test kit's host: the test says what they hold and whom they know.
#pragma once

#include <weft/guard.hpp>
#include <weft/testing/core.hpp>
#include <weft/vault.hpp>

#include <strings.h>

#include <functional>
#include <map>
#include <optional>

namespace weft::testing {

// Who it is, or why not.
struct verdict {
    std::optional<identified> who;
    std::string refusal;
};
using guard_script = std::function<verdict(const weft_guard_request&)>;

namespace detail {

// What a configuration for a test may bring along: {"vaults": {"test:v": [{"kind": 1, "alias": "k",
// "certificates": PEM, "key": PEM}]}}.
inline std::vector<vault_entry> entries_of(const nlohmann::json& list) {
    std::vector<vault_entry> out;
    for (const auto& j : list) {
        vault_entry e;
        e.kind = j.at("kind");
        e.alias = j.at("alias");
        e.source = "the configuration";
        e.certificates = j.value("certificates", "");
        e.key = j.value("key", "");
        out.push_back(std::move(e));
    }
    return out;
}

class entities {
public:
    std::map<std::string, std::vector<vault_entry>> vaults;
    std::map<std::string, guard_script> guards;

    int32_t find(const std::string& vault, uint32_t kind, const char* alias, weft_vault_each each,
                 void* ctx) const {
        const auto it = vaults.find(vault);
        if (it == vaults.end()) return WEFT_E_GONE;
        int32_t found = 0;
        for (const auto& e : it->second) {
            if (e.kind != kind || (alias && ::strcasecmp(alias, e.alias.c_str()) != 0)) continue;
            const weft_vault_entry abi = weft::detail::to_abi(e);
            each(ctx, &abi);
            ++found;
        }
        return found;
    }
    int32_t watch(uint64_t binding, const std::string& vault, int32_t (*fn)(void*, weft_error*),
                  void* ctx) {
        if (binding == 0) return WEFT_E_INVALID;
        if (!vaults.contains(vault)) return WEFT_E_GONE;
        watchers_.push_back({binding, vault, fn, ctx});
        return WEFT_OK;
    }
    void forget(uint64_t binding) {
        std::erase_if(watchers_, [&](const watcher& w) { return w.binding == binding; });
    }
    int32_t renew(const std::string& vault, weft_error* e) {
        for (const auto& w : watchers_)
            if (w.vault == vault)
                if (const int32_t rc = w.renew(w.ctx, e); rc != WEFT_OK) return rc;
        return WEFT_OK;
    }

    void verify(core& c, worker_state* w, const char* guard, const weft_guard_request& q,
                weft_guard_done done, void* ctx) {
        const auto it = guards.find(guard);
        auto v = it == guards.end() ? verdict{{}, "There is no such guard."} : it->second(q);
        auto* a = new answer{this, done, ctx, 0, std::move(v.refusal)};
        if (v.who) a->auth = keep(guard, *v.who);
        const auto deliver = [](void* p) {
            const std::unique_ptr<answer> mine(static_cast<answer*>(p));
            mine->done(mine->ctx, mine->auth, mine->auth ? nullptr : mine->refusal.c_str());
        };
        if (c.post(w, deliver, a) != WEFT_OK) delete a;
    }
    void retain(uint64_t auth) {
        if (const auto it = sessions_.find(auth); it != sessions_.end()) ++it->second->references;
    }
    void release(uint64_t auth) {
        const auto it = sessions_.find(auth);
        if (it != sessions_.end() && --it->second->references == 0) sessions_.erase(it);
    }
    const weft_guard_session* session(uint64_t auth) const {
        const auto it = sessions_.find(auth);
        return it == sessions_.end() ? nullptr : it->second->view.get();
    }
    // A session as a guard would have made it, with one reference.
    uint64_t keep(const std::string& guard, const identified& who) {
        auto s = std::make_unique<held>(guard, who);
        sessions_.emplace(++last_, std::move(s));
        return last_;
    }
    size_t sessions() const { return sessions_.size(); }

private:
    struct held {
        held(std::string g, identified i)
            : guard(std::move(g)), who(std::move(i)), view(who, guard.c_str()) {}
        std::string guard;
        identified who;
        identified_view view;
        uint64_t references = 1;
    };
    struct answer {
        entities* of;
        weft_guard_done done;
        void* ctx;
        uint64_t auth;
        std::string refusal;
    };
    struct watcher {
        uint64_t binding;
        std::string vault;
        int32_t (*renew)(void*, weft_error*);
        void* ctx;
    };

    std::vector<watcher> watchers_;
    std::map<uint64_t, std::unique_ptr<held>> sessions_;
    uint64_t last_ = 0;
};

}  // namespace detail
}  // namespace weft::testing
