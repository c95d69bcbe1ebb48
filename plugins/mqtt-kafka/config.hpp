// The binding's configuration: options, routes and properties as one constant value.
#pragma once

#include "limits.hpp"
#include "mapping/identity.hpp"
#include "mapping/routes.hpp"

#include <weft/config.hpp>

#include <string>

namespace weft::mqtt_kafka {

struct settings {
    std::string name;  // "namespace:binding"
    std::string mark;  // of options and routes: another one may read other topics
    std::string sessions_topic, messages_topic, retained_topic;
    identity_patterns clients;
    uint8_t publish_qos_max = 1;  // what this version can do, or less by configuration
    routes table;
    uint64_t exit = 0;  // of sessions and retained replay: the first route's
    limits limit;
};

settings make_settings(const binding_config& config);  // throws config_error

}  // namespace weft::mqtt_kafka
