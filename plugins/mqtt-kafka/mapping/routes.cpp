#include "mapping/routes.hpp"

#include <algorithm>
#include <stdexcept>

namespace weft::mqtt_kafka {

topic_template::topic_template(std::string_view text) {
    constexpr std::string_view open = "${", prefix = "params.";
    while (!text.empty()) {
        const size_t at = text.find(open);
        if (at != 0) pieces_.push_back({false, std::string(text.substr(0, at))});
        if (at == std::string_view::npos) return;
        const size_t close = text.find('}', at);
        if (close == std::string_view::npos) throw std::invalid_argument("'${' without '}'");
        const auto expression = text.substr(at + open.size(), close - at - open.size());
        if (!expression.starts_with(prefix) || expression.size() == prefix.size())
            throw std::invalid_argument("'${" + std::string(expression) +
                                        "}' is not known here; use ${params.NAME}");
        pieces_.push_back({true, std::string(expression.substr(prefix.size()))});
        text.remove_prefix(close + 1);
    }
}

bool topic_template::uses(std::string_view param) const {
    return std::any_of(pieces_.begin(), pieces_.end(),
                       [&](const piece& p) { return p.param && p.text == param; });
}

std::optional<std::string> topic_template::expand(const route_params& params) const {
    std::string out;
    for (const piece& p : pieces_) {
        if (!p.param) {
            out += p.text;
            continue;
        }
        const auto found = std::find_if(params.begin(), params.end(),
                                        [&](const route_param& v) { return v.name == p.text; });
        if (found == params.end() || found->open) return std::nullopt;
        out += found->value;
    }
    return out;
}

bool valid_kafka_topic(std::string_view name) {
    constexpr size_t length_max = 249;
    if (name.empty() || name.size() > length_max || name == "." || name == "..") return false;
    return std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '_' || c == '-';
    });
}

namespace {

const topic_pattern* first_match(const std::vector<topic_pattern>& patterns,
                                 std::string_view text) {
    for (const auto& p : patterns)
        if (p.overlaps(text)) return &p;
    return nullptr;
}

route_result expand(const route& r, const topic_pattern* pattern, std::string_view text,
                    route_target& target) {
    route_params params;
    if (pattern && r.messages.has_params()) pattern->capture(text, params);
    auto topic = r.messages.expand(params);
    if (!topic) return route_result::open_param;
    if (!valid_kafka_topic(*topic)) return route_result::invalid_topic;
    target = {r.exit, std::move(*topic), r.messages.has_params()};
    return route_result::ok;
}

}  // namespace

bool routes::add(route r) {
    if (!r.guarded.empty()) {
        if (guarded_ == guarded_routes_max) return false;
        r.bit = route_rights{1} << guarded_++;
    }
    routes_.push_back(std::move(r));
    return true;
}

route_rights routes::rights_of(const weft_guard_session* who) const {
    route_rights rights = 0;
    for (const route& r : routes_)
        if (r.guarded.admits(who)) rights |= r.bit;
    return rights;
}

bool routes::admits(route_rights rights) const {
    return std::any_of(routes_.begin(), routes_.end(),
                       [&](const route& r) { return (r.bit & rights) == r.bit; });
}

route_result routes::match_publish(std::string_view topic, route_target& target,
                                   route_rights rights) const {
    for (const route& r : routes_) {
        if ((r.bit & rights) != r.bit) continue;
        const topic_pattern* pattern = first_match(r.publish, topic);
        if (pattern || r.unconditional) return expand(r, pattern, topic, target);
    }
    return route_result::no_route;
}

route_result routes::match_subscribe(std::string_view filter, std::vector<route_target>& targets,
                                     route_rights rights, size_t* deciding) const {
    targets.clear();
    size_t decided = 0;
    const auto add = [&](const route& r, const topic_pattern* pattern) {
        route_target target;
        const auto result = expand(r, pattern, filter, target);
        if (result == route_result::ok &&
            std::find(targets.begin(), targets.end(), target) == targets.end())
            targets.push_back(std::move(target));
        return result;
    };
    for (const route& r : routes_) {
        if ((r.bit & rights) != r.bit) continue;
        if (r.unconditional) {
            if (const auto result = add(r, nullptr); result != route_result::ok) return result;
            if (decided == 0) decided = targets.size();
            continue;
        }
        for (const auto& pattern : r.subscribe) {
            if (!pattern.overlaps(filter)) continue;
            if (const auto result = add(r, &pattern); result != route_result::ok) return result;
            if (decided == 0 && pattern.covers(filter)) decided = targets.size();
            if (!r.messages.has_params()) break;  // further patterns lead to the same topic
        }
    }
    if (deciding) *deciding = decided == 0 ? targets.size() : decided;
    return targets.empty() ? route_result::no_route : route_result::ok;
}

}  // namespace weft::mqtt_kafka
