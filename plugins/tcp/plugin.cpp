// The tcp binding: servers and clients of byte streams.
#include "client.hpp"
#include "schema.hpp"
#include "server.hpp"

namespace weft::tcp {

struct plugin {
    static constexpr const char* type = "tcp";
    static constexpr const char* version = "0.1.0";
    static constexpr uint32_t kinds = WEFT_SERVER | WEFT_CLIENT;
    static constexpr const char* schema = schema_json;
    static constexpr const char* accepts[] = {WEFT_META_TCP_BEGIN_NAME, nullptr};
    static constexpr const char* emits[] = {WEFT_META_TCP_BEGIN_NAME, nullptr};

    std::unique_ptr<binding> create(const binding_config& c) {
        if (c.kind == "server") {
            if (!services.listeners)
                throw config_error("", "the host lacks the service " WEFT_LISTENERS);
            auto made = std::make_unique<server_binding>(c);
            for (const auto& text : made->config.warnings) log(WEFT_WARN, text.c_str());
            return made;
        }
        if (!services.tasks) throw config_error("", "the host lacks the service " WEFT_TASKS);
        return std::make_unique<client_binding>(c);
    }
};

}  // namespace weft::tcp

WEFT_PLUGIN(weft::tcp::plugin)
