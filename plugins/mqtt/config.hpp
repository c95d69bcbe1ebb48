// Options and properties of an mqtt server, read once. Every default is in limits.hpp.
#pragma once

#include "auth/authentication.hpp"
#include "identity_quota.hpp"
#include "limits.hpp"
#include "route.hpp"

#include <weft/config.hpp>

namespace weft::mqtt {

// options.authorization: the guard that is asked, and where in CONNECT its credentials are.
struct guard_use {
    std::string name;  // qualified
    bool in_password = false;
    credentials_pattern pattern{credentials_pattern::place};
};

struct settings {
    bool accept_31 = false;
    bool accept_311 = true;
    bool accept_5 = true;
    uint32_t connect_timeout_ms = limits::connect_timeout_ms;
    uint16_t keep_alive_s_min = limits::keep_alive_s_min;
    uint16_t keep_alive_s_max = limits::keep_alive_s_max;
    uint16_t receive_maximum = limits::receive_maximum;
    uint16_t topic_alias_maximum = limits::topic_alias_maximum;
    uint32_t packet_size_max = limits::packet_size_max;
    uint32_t client_id_size_max = limits::client_id_size_max;
    uint8_t publish_qos_max = 2;
    bool no_local = true;
    uint16_t delivery_alias_maximum = limits::delivery_alias_maximum;
    uint32_t topic_levels_max = limits::topic_levels_max;
    uint32_t subscriptions_max = limits::subscriptions_max;
    uint32_t publish_rate_max = 0;  // per client and second; 0: any
    uint32_t connect_rate_max = 0;  // per worker and second; 0: any
    uint32_t handshakes_max = limits::handshakes_max;
    uint32_t connections_max = 0;                // per worker; 0: any
    std::string response_information;            // {client-id} stands for it; empty: none is given
    std::unique_ptr<const authentication> auth;  // null: everybody is let in
    std::optional<guard_use> guard;
    std::unique_ptr<const identity_quota> quota;  // null: an identity may have any number
    std::string client_id;                        // instead of a random one; for tests
    router routes;
};

// Throws config_error.
settings read_settings(const binding_config& c);

// "PT3S", "PT1M30S", "P1DT2H", "PT0.5S", or a number of seconds. Throws config_error that names
// `key`.
uint64_t parse_duration_ms(const std::string& key, const std::string& text);

}  // namespace weft::mqtt
