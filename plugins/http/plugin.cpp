// The http binding: requests on a byte stream, each routed to an exit; upgrades become tunnels.
#include "schema.hpp"
#include "server.hpp"

namespace weft::http {

class server_binding final : public binding {
public:
    explicit server_binding(const binding_config& c) : config_(read_config(c)) {}
    std::unique_ptr<instance> attach(worker w) override {
        return std::make_unique<server>(w, config_);
    }

private:
    const server_config config_;
};

struct plugin {
    static constexpr const char* type = "http";
    static constexpr const char* version = "0.1.0";
    static constexpr uint32_t kinds = WEFT_SERVER;
    static constexpr const char* schema = schema_json;
    static constexpr const char* accepts[] = {nullptr};
    static constexpr const char* emits[] = {WEFT_META_HTTP_BEGIN_NAME, nullptr};

    std::unique_ptr<binding> create(const binding_config& c) {
        return std::make_unique<server_binding>(c);
    }
};

}  // namespace weft::http

WEFT_PLUGIN(weft::http::plugin)
