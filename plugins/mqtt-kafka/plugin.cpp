#include "config.hpp"
#include "proxy.hpp"
#include "schema.hpp"
#include "session/registry.hpp"

#include <weft/plugin.hpp>

namespace weft::mqtt_kafka {
namespace {

class proxy_binding final : public binding {
public:
    explicit proxy_binding(settings s)
        : settings_(std::move(s)),
          registry_(settings_.name),
          acknowledged_(settings_.name),
          hub_(settings_.name + '/' + settings_.mark) {}
    std::unique_ptr<instance> attach(worker w) override {
        return std::make_unique<proxy>(w, settings_, registry_, acknowledged_, hub_);
    }

private:
    const settings settings_;
    session_registry registry_;
    acknowledged acknowledged_;
    share_hub hub_;
};

struct mqtt_kafka_plugin {
    static constexpr const char* type = "mqtt-kafka";
    static constexpr const char* version = "0.1.0";
    static constexpr uint32_t kinds = WEFT_PROXY;
    static constexpr const char* schema = schema_json;
    static constexpr const char* accepts[] = {WEFT_META_MQTT_BEGIN_NAME, nullptr};
    static constexpr const char* emits[] = {WEFT_META_KAFKA_BEGIN_NAME, nullptr};

    std::unique_ptr<binding> create(const binding_config& config) {
        return std::make_unique<proxy_binding>(make_settings(config));
    }
};

}  // namespace
}  // namespace weft::mqtt_kafka

WEFT_PLUGIN(weft::mqtt_kafka::mqtt_kafka_plugin)
