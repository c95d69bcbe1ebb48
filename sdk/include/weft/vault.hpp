// Vaults, from both sides: a vault plugin in C++, and vault_ref, by which a binding reads from one.
//
//   struct filesystem_plugin {
//       static constexpr const char* type = "filesystem";
//       static constexpr const char* version = "1.0.0";
//       static constexpr const char* schema = weft::schema_json;  // of `options`
//       std::unique_ptr<weft::vault> create(weft::entity_config config);  // throws config_error
//   };
//   WEFT_VAULT_PLUGIN(filesystem_plugin)
#pragma once

#include <weft/entity.hpp>

#include <functional>

namespace weft {

// An entry that is one's own. An empty `key` with a `signer` is one that stays in the vault.
struct vault_entry {
    uint32_t kind = 0;         // enum weft_vault_kind
    std::string alias;         // as the store spells it
    std::string source;        // for people
    std::string certificates;  // PEM, its own first
    std::string key;           // PEM, PKCS#8
    std::string ocsp;          // DER
    uint64_t signer = 0;

    static vault_entry of(const weft_vault_entry& e) {
        const auto text = [](const weft_slice& s) { return std::string(text_of(s)); };
        return {e.kind,      e.alias,      e.source, text(e.certificates),
                text(e.key), text(e.ocsp), e.signer};
    }
};

// Holds keys and certificates, all read when it was made. `find` comes from any thread.
class vault : public entity {
public:
    // Calls `each` for every entry of this kind, and of this alias where there is one.
    virtual int32_t find(uint32_t kind, const char* alias,
                         const std::function<void(const vault_entry&)>& each) const = 0;
};

namespace detail {

inline weft_vault_entry to_abi(const vault_entry& e) {
    return {sizeof(weft_vault_entry), e.kind,          e.alias.c_str(),  e.source.c_str(),
            borrowed(e.certificates), borrowed(e.key), borrowed(e.ocsp), e.signer};
}

template <class Plugin>
struct vault_table : entity_table<Plugin, vault> {
    using base = entity_table<Plugin, vault>;
    static int32_t find(void* v, uint32_t kind, const char* alias, weft_vault_each each,
                        void* ctx) {
        int32_t found = 0;
        const int32_t rc = guarded(nullptr, [&] {
            found = base::of(v).find(kind, alias, [&](const vault_entry& e) {
                const weft_vault_entry abi = to_abi(e);
                each(ctx, &abi);
            });
        });
        return rc == WEFT_OK ? found : rc;
    }
    static const void* get(void*, const char* id) {
        static const weft_vault_vt table{
            sizeof table, 0,           Plugin::type, Plugin::schema, base::create, base::destroy,
            base::digest, base::files, find,         nullptr};
        return std::string_view(id) == WEFT_VAULT ? &table : nullptr;
    }
};

}  // namespace detail

// A vault as a binding sees it, by the name in its configuration. In create, and in what `on_renew`
// was given: the control thread.
class vault_ref {
public:
    explicit vault_ref(std::string qualified_name) : name_(std::move(qualified_name)) {
        if (!services.vaults) throw config_error("/vault", "this runtime has no vaults");
    }
    const std::string& name() const { return name_; }

    std::vector<vault_entry> all(weft_vault_kind kind) const { return read(kind, nullptr); }
    std::vector<vault_entry> find(weft_vault_kind kind, const std::string& alias) const {
        return read(kind, alias.c_str());
    }

    // See weft_vaults_vt.watch; `renew` may throw config_error, then nothing has changed.
    void on_renew(std::function<void()> renew) {
        renew_ = std::make_unique<std::function<void()>>(std::move(renew));
        const auto call_it = [](void* ctx, weft_error* e) {
            return detail::guarded(e, [&] { (*static_cast<std::function<void()>*>(ctx))(); });
        };
        if (services.vaults->watch(services.host, name_.c_str(), call_it, renew_.get()) != WEFT_OK)
            throw config_error("/vault", "vault '" + name_ + "' cannot be watched");
    }

private:
    std::vector<vault_entry> read(uint32_t kind, const char* alias) const {
        std::vector<vault_entry> out;
        const auto keep = [](void* ctx, const weft_vault_entry* e) {
            static_cast<std::vector<vault_entry>*>(ctx)->push_back(vault_entry::of(*e));
        };
        const int32_t rc =
            services.vaults->find(services.host, name_.c_str(), kind, alias, keep, &out);
        if (rc < 0) throw config_error("/vault", "vault '" + name_ + "' cannot be read");
        return out;
    }

    std::string name_;
    std::unique_ptr<std::function<void()>> renew_;
};

}  // namespace weft

#define WEFT_VAULT_PLUGIN(P) WEFT_ENTITY_PLUGIN(P, weft::detail::vault_table<P>)
