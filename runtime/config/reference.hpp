// Names that a zilla.yaml written for Zilla may contain. Nothing is done with them: they only tell
// a user whose key or type is refused whether it was a typo. What is supported is said by the
// installed plugins alone.
#pragma once

#include "config/suggest.hpp"

#include <string_view>

namespace weft::config::reference {

// Is `type` a binding, exporter, guard, vault or store type of Zilla?
bool knows_type(std::string_view role, std::string_view type);

// What a type is called now that Zilla has called otherwise for a while; empty: the same.
std::string_view renamed(std::string_view role, std::string_view type);

// Is `key` used somewhere in options, when or with of this type?
bool knows_key(std::string_view type, std::string_view key);

// Metrics of the engine and of streams, which every binding has.
const words& metrics();
// Metrics of Zilla that nothing here can have: http.*, grpc.*, mcp.*
bool knows_metric(std::string_view name);

}  // namespace weft::config::reference
