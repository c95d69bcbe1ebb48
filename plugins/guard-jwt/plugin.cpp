// The jwt guard: JSON Web Tokens.
#include "config.hpp"
#include "download.hpp"
#include "jwt.hpp"
#include "schema.hpp"

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
        if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
            throw std::runtime_error("libcurl refused to start");
    }
    ~plugin() { curl_global_cleanup(); }
    plugin(const plugin&) = delete;
    plugin& operator=(const plugin&) = delete;

    std::unique_ptr<guard> create(const entity_config& given) {
        auto c = read_config(given);
        const auto name = "guard " + c.name + ": ";
        for (const auto& text : c.warnings) log(WEFT_WARN, (name + text).c_str());
        return std::make_unique<jwt_guard>(
            jwt_options{std::move(c.rules), std::move(c.files), std::move(c.digest)},
            keys_of(c, name));
    }

private:
    static std::unique_ptr<key_source> keys_of(jwt_config& c, const std::string& name) {
        if (c.keys) return std::make_unique<fixed_keys>(std::move(*c.keys));
        const auto from = std::make_shared<downloader>(c.url, c.trust);  // of both functions
        remote_times times;
        times.refresh = std::chrono::milliseconds(c.refresh_ms);
        return std::make_unique<remote_keys>(
            transport{[from] { return from->get(); }, [from] { from->cancel(); }}, times,
            [name, url = c.url](const std::string& why) {
                log(WEFT_WARN, (name + "cannot read the keys from " + url + ": " + why).c_str());
            });
    }
};

}  // namespace weft::guard_jwt

WEFT_GUARD_PLUGIN(weft::guard_jwt::plugin)
