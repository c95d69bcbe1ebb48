// Who can reach a binding and use it without having been asked who it is.
#pragma once

#include "config/model.hpp"

#include <string>

namespace weft::config {

// Does a way lead from this binding to some end, on which nobody is asked? Asked is by what a
// configuration calls so, whatever the type: every route guarded, options.authentication that is
// required, or TLS that demands certificates of its clients. options.authorization alone asks
// nobody: who has no credentials is let through to routes that are not guarded.
bool is_open(const configuration& all, const std::string& binding);

}  // namespace weft::config
