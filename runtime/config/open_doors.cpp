#include "config/open_doors.hpp"

#include <algorithm>
#include <set>

namespace weft::config {
namespace {

bool asks(const binding& b) {
    if (!b.options.is_object()) return false;
    if (const auto it = b.options.find("authentication");
        it != b.options.end() && it->is_object() && it->value("required", true))
        return true;
    const auto mutual = b.options.find("mutual");
    return b.kind == "server" && b.options.contains("trust") &&
           (mutual == b.options.end() || *mutual == "required");
}

bool guarded(const route& r) {
    return r.guarded.is_object() && !r.guarded.empty();
}

class walk {
public:
    explicit walk(const configuration& all) : all_(all) {}

    bool open(const std::string& name) {
        if (!seen_.insert(name).second) return false;
        const auto at = std::find_if(all_.bindings.begin(), all_.bindings.end(),
                                     [&](const binding& b) { return b.qualified_name() == name; });
        if (at == all_.bindings.end() || asks(*at)) return false;
        bool leads_on = false;
        for (const auto& r : at->routes) {
            if (r.exit.empty()) continue;
            leads_on = true;
            if (!guarded(r) && open(r.exit)) return true;
        }
        return !leads_on;
    }

private:
    const configuration& all_;
    std::set<std::string> seen_;
};

}  // namespace

bool is_open(const configuration& all, const std::string& binding) {
    return walk(all).open(binding);
}

}  // namespace weft::config
