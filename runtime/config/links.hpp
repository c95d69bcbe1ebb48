// References from one part of the configuration to another, checked once every document is read.
#pragma once

#include "config/installed.hpp"
#include "config/report.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace weft::config {

enum class link_kind { binding, guard, vault, store };

struct link {
    link_kind kind;
    std::string ns;      // where it is written
    std::string target;  // as written: "name" or "namespace:name"
    const node* at;
    std::string path;
    std::optional<std::size_t> from;  // the binding that opens streams to it
};

// "namespace:name" of what `target` means within `ns`.
std::string qualified(const std::string& ns, const std::string& target);

// Every name exists, and what a binding opens is something that its exit takes.
void check_links(const std::vector<link>& links, const configuration& all,
                 const installed_types& installed, report& to);

}  // namespace weft::config
