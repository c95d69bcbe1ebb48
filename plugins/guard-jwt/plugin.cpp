// The jwt guard: JSON Web Tokens.
#include "config.hpp"
#include "jwt.hpp"
#include "limits.hpp"
#include "schema.hpp"
#include "transfer/transfer.hpp"

#include <openssl/crypto.h>

namespace weft::guard_jwt {

struct plugin {
    static constexpr const char* type = "jwt";
    static constexpr const char* version = "0.1.0";
    static constexpr const char* schema = schema_json;

    plugin() {
        // What OpenSSL does at the end of the process is not ours to wait for: this file may be
        // gone.
        OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, nullptr);
    }

    std::unique_ptr<guard> create(const entity_config& given) {
        auto c = read_config(given);
        const auto name = "guard " + c.name + ": ";
        for (const auto& text : c.warnings) log(WEFT_WARN, (name + text).c_str());
        return std::make_unique<jwt_guard>(
            jwt_options{std::move(c.rules), std::move(c.files), std::move(c.digest)},
            keys_of(c, name));
    }

private:
    static std::string download(transfer& from) {
        try {
            return from
                .run([](CURL* c) {
                    transfer::set(c, CURLOPT_FOLLOWLOCATION, 1L);
                    transfer::set(c, CURLOPT_MAXREDIRS, limits::redirects_max);
                    transfer::set(c, CURLOPT_FAILONERROR, 1L);
                })
                .body;
        } catch (const transfer::too_large&) {
            throw std::runtime_error("it is larger than 1 MiB");
        }
    }
    static std::unique_ptr<key_source> keys_of(jwt_config& c, const std::string& name) {
        if (c.keys) return std::make_unique<fixed_keys>(std::move(*c.keys));
        const auto from = std::make_shared<transfer>(  // of both functions
            c.url, c.trust,
            transfer::limits{limits::connect_ms, limits::download_ms, limits::key_set_bytes_max});
        remote_times times;
        times.refresh = std::chrono::milliseconds(c.refresh_ms);
        return std::make_unique<remote_keys>(
            transport{[from] { return download(*from); }, [from] { from->cancel(); }}, times,
            [name, url = c.url](const std::string& why) {
                log(WEFT_WARN, (name + "cannot read the keys from " + url + ": " + why).c_str());
            });
    }

    const libcurl started_;
};

}  // namespace weft::guard_jwt

WEFT_GUARD_PLUGIN(weft::guard_jwt::plugin)
