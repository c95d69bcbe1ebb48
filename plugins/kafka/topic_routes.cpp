#include "topic_routes.hpp"

#include <algorithm>

namespace weft::kafka {

namespace {

std::vector<std::string> topics_of(const nlohmann::json& when) {
    std::vector<std::string> out;
    if (!when.is_array()) return out;
    for (const auto& w : when) {
        if (!w.contains("topic")) return {};  // one condition without topic takes all
        out.push_back(w.at("topic").get<std::string>());
    }
    return out;
}

}  // namespace

bool topic_route::takes(std::string_view topic) const {
    return topics.empty() || std::any_of(topics.begin(), topics.end(),
                                         [&](const auto& w) { return wildcard_match(w, topic); });
}

topic_routes::topic_routes(const binding_config& c) {
    for (const auto& r : c.routes) {
        routes_.push_back({topics_of(r.when), r.exit, guarded_rule(c, r.guarded)});
        guarded_ |= !routes_.back().guarded.empty();
    }
}

uint64_t topic_routes::exit_for(std::string_view topic) const {
    const auto first = std::find_if(routes_.begin(), routes_.end(),
                                    [&](const topic_route& r) { return r.takes(topic); });
    return first == routes_.end() ? 0 : first->exit;
}

bool topic_routes::admits(const worker& w, const weft_begin& b, const weft_kafka_begin& begin,
                          std::string_view topic) const {
    return !guarded_ || (begin.flags & WEFT_KAFKA_SHARED) || admits(topic, session_of(w, b.h.auth));
}

// A topic that no route takes is none that is kept from anybody.
bool topic_routes::admits(std::string_view topic, const weft_guard_session* who) const {
    if (!guarded_) return true;
    const uint64_t exit = exit_for(topic);
    return exit == 0 || std::any_of(routes_.begin(), routes_.end(), [&](const topic_route& r) {
               return r.exit == exit && r.takes(topic) && r.guarded.admits(who);
           });
}

}  // namespace weft::kafka
