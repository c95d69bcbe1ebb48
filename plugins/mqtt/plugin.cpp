// The mqtt binding: a server of MQTT v3.1.1 and v5.
#include "schema.hpp"
#include "server.hpp"

namespace weft::mqtt {

class server_binding final : public binding {
public:
    explicit server_binding(const binding_config& c) : settings_(read_settings(c)) {}
    std::unique_ptr<instance> attach(worker w) override {
        return std::make_unique<server>(settings_, w);
    }

private:
    const settings settings_;
};

struct plugin {
    static constexpr const char* type = "mqtt";
    static constexpr const char* version = "0.1.0";
    static constexpr uint32_t kinds = WEFT_SERVER;
    static constexpr const char* schema = schema_json;
    static constexpr const char* accepts[] = {WEFT_META_TCP_BEGIN_NAME, nullptr};
    static constexpr const char* emits[] = {WEFT_META_MQTT_BEGIN_NAME, nullptr};

    std::unique_ptr<binding> create(const binding_config& c) {
        return std::make_unique<server_binding>(c);
    }
};

}  // namespace weft::mqtt

WEFT_PLUGIN(weft::mqtt::plugin)
