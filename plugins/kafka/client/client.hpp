// The `client` kind: speaks to a Kafka cluster through the binding's exit.
#pragma once

#include <weft/plugin.hpp>

#include <memory>

namespace weft::kafka {

// Throws config_error for options that cannot work.
std::unique_ptr<binding> make_client(binding_config config);

}  // namespace weft::kafka
