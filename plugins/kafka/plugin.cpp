// The kafka binding type: one plugin, three kinds.
#include "client/client.hpp"
#if __has_include("cache/cache.hpp")
#include "cache/cache.hpp"
#define WEFT_KAFKA_HAS_CACHE 1
#endif
#include "schema.hpp"

#include <weft/plugin.hpp>

namespace {

struct kafka_plugin {
    static constexpr const char* type = "kafka";
    static constexpr const char* version = "0.1.0";
#ifdef WEFT_KAFKA_HAS_CACHE
    static constexpr uint32_t kinds = WEFT_CLIENT | WEFT_CACHE_SERVER | WEFT_CACHE_CLIENT;
#else
    static constexpr uint32_t kinds = WEFT_CLIENT;
#endif
    static constexpr const char* schema = weft::schema_json;
    static constexpr const char* accepts[] = {WEFT_META_KAFKA_BEGIN_NAME, nullptr};
    static constexpr const char* emits[] = {WEFT_META_KAFKA_BEGIN_NAME, WEFT_META_TCP_BEGIN_NAME,
                                            nullptr};

    std::unique_ptr<weft::binding> create(weft::binding_config config) {
        if (config.kind == "client") return weft::kafka::make_client(std::move(config));
#ifdef WEFT_KAFKA_HAS_CACHE
        if (config.kind == "cache_server") return weft::kafka::make_cache_server(std::move(config));
        if (config.kind == "cache_client") return weft::kafka::make_cache_client(std::move(config));
#endif
        throw weft::config_error("/kind", "kafka has no kind '" + config.kind + "'");
    }
};

}  // namespace

WEFT_PLUGIN(kafka_plugin)
