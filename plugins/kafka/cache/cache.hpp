// The `cache_server` and `cache_client` kinds: one copy of each topic-partition on disk for all
// workers and sessions of the process. README.md and docs/log-cache.md say how they work together.
#pragma once

#include <weft/plugin.hpp>

#include <memory>

namespace weft::kafka {

// Both throw config_error for options that cannot work.
std::unique_ptr<binding> make_cache_server(binding_config config);
std::unique_ptr<binding> make_cache_client(binding_config config);

}  // namespace weft::kafka
