#include "route.hpp"

#include "limits.hpp"

#include <algorithm>

namespace weft::mqtt {

namespace {

guarded_text read_text(const binding_config& c, const nlohmann::json& value,
                       const std::string& path) {
    try {
        return {c, value.get<std::string>()};
    } catch (const std::invalid_argument& e) {
        throw config_error(path, e.what());
    }
}

std::vector<topic_pattern> read_patterns(const binding_config& c, const nlohmann::json& list,
                                         const std::string& path) {
    std::vector<topic_pattern> out;
    for (size_t i = 0; i < list.size(); ++i) {
        const auto& item = list[i];
        std::vector<topic_pattern::constraint> params;
        const auto pattern = item.at("topic").get<std::string>();
        const auto given = item.find("params");
        if (given == item.end()) {
            out.emplace_back(pattern, params);
            continue;
        }
        for (const auto& [name, value] : given->items()) {
            const auto at = path + "/" + std::to_string(i) + "/params/" + name;
            if (pattern.find("{" + name + "}") == std::string::npos)
                throw config_error(at, "the topic '" + pattern + "' has no {" + name + "}");
            params.push_back({name, read_text(c, value, at)});
        }
        out.emplace_back(pattern, params);
    }
    return out;
}

condition read_condition(const binding_config& from, const nlohmann::json& item,
                         const std::string& path) {
    condition c;
    const auto sessions = item.value("session", nlohmann::json::array());
    for (size_t i = 0; i < sessions.size(); ++i) {
        if (!sessions[i].contains("client-id")) continue;
        const auto& id = sessions[i]["client-id"];
        c.client_ids.push_back(
            {id.get<std::string>(),
             read_text(from, id, path + "/session/" + std::to_string(i) + "/client-id")});
    }
    c.publish =
        read_patterns(from, item.value("publish", nlohmann::json::array()), path + "/publish");
    c.subscribe =
        read_patterns(from, item.value("subscribe", nlohmann::json::array()), path + "/subscribe");
    return c;
}

bool matches_client(const condition& c, std::string_view client_id, const weft_guard_session* who) {
    return c.client_ids.empty() ||
           std::any_of(c.client_ids.begin(), c.client_ids.end(),
                       [&](const auto& p) { return p.matches(client_id, who); });
}

bool is_personal(const condition& c) {
    const auto personal = [](const topic_pattern& p) { return p.personal(); };
    return std::any_of(c.client_ids.begin(), c.client_ids.end(),
                       [](const auto& p) { return !p.value.constant(); }) ||
           std::any_of(c.publish.begin(), c.publish.end(), personal) ||
           std::any_of(c.subscribe.begin(), c.subscribe.end(), personal);
}

}  // namespace

topic_pattern::topic_pattern(std::string_view pattern, const std::vector<constraint>& params) {
    for (size_t from = 0; from <= pattern.size();) {
        const size_t slash = std::min(pattern.find('/', from), pattern.size());
        const std::string_view text = pattern.substr(from, slash - from);
        from = slash + 1;
        if (text == "#") {
            levels_.push_back({kind::rest, {}, {}});
        } else if (text == "+") {
            levels_.push_back({kind::any_level, {}, {}});
        } else if (text.size() > 2 && text.front() == '{' && text.back() == '}') {
            level l{kind::parameter, {}, {}};
            for (const auto& p : params) {
                if (p.name != text.substr(1, text.size() - 2)) continue;
                if (p.value.constant())
                    l.text = p.value.of(nullptr).value_or("");
                else
                    l = {kind::personal, {}, p.value};
            }
            levels_.push_back(std::move(l));
        } else {
            levels_.push_back({kind::literal, std::string(text), {}});
        }
    }
}

bool topic_pattern::personal() const {
    return std::any_of(levels_.begin(), levels_.end(),
                       [](const level& l) { return l.is == kind::personal; });
}

bool topic_pattern::matches(std::string_view text, const weft_guard_session* who) const {
    size_t from = 0;
    for (const auto& l : levels_) {
        if (l.is == kind::rest) return from <= text.size();
        if (from > text.size()) return false;
        const size_t slash = std::min(text.find('/', from), text.size());
        const std::string_view part = text.substr(from, slash - from);
        from = slash + 1;
        switch (l.is) {
            case kind::literal:
                if (part != l.text) return false;
                break;
            case kind::any_level:
                if (part == "#") return false;  // a filter's '#' reaches beyond one level
                break;
            case kind::parameter:
                if (part.empty() || part == "#" || (!l.text.empty() && part != l.text))
                    return false;
                break;
            case kind::personal:
                // Somebody who is called '+' must not get everybody's topics by that.
                if (part == "#" || part == "+" || !l.value.equals(part, who)) return false;
                break;
            case kind::rest:
                break;
        }
    }
    return from == text.size() + 1;
}

bool matches_client_id(std::string_view pattern, std::string_view id) {
    size_t p = 0, i = 0, star = std::string_view::npos, mark = 0;
    while (i < id.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            mark = i;
        } else if (p < pattern.size() && pattern[p] == id[i]) {
            ++p, ++i;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            i = ++mark;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

bool client_pattern::matches(std::string_view client_id, const weft_guard_session* who) const {
    if (value.constant()) return matches_client_id(pattern, client_id);
    // Who has a wildcard in the name is no wildcard.
    if (value.value_has("*", who)) return false;
    const auto text = value.of(who);
    return text && matches_client_id(*text, client_id);
}

router::router(const std::vector<route_config>& routes, const std::string& ns) {
    binding_config names;
    names.ns = ns;
    for (size_t i = 0; i < routes.size(); ++i) {
        const std::string path = "/routes/" + std::to_string(i);
        route r;
        r.guarded = guarded_rule(names, routes[i].guarded);
        r.exit = routes[i].exit;
        for (size_t k = 0; routes[i].when.is_array() && k < routes[i].when.size(); ++k)
            r.when.push_back(
                read_condition(names, routes[i].when[k], path + "/when/" + std::to_string(k)));
        personal_ = personal_ || !r.guarded.empty() ||
                    std::any_of(r.when.begin(), r.when.end(), is_personal);
        routes_.push_back(std::move(r));
    }
    std::vector<uint64_t> exits;
    for (const auto& r : routes_)
        if (std::find(exits.begin(), exits.end(), r.exit) == exits.end()) exits.push_back(r.exit);
    if (exits.size() > limits::exits_max)
        throw config_error("/routes",
                           "more than " + std::to_string(limits::exits_max) + " different exits");
}

std::optional<uint64_t> router::session(std::string_view client_id,
                                        const weft_guard_session* who) const {
    for (const auto& r : routes_) {
        if (!r.guarded.admits(who)) continue;
        if (r.when.empty()) return r.exit;
        for (const auto& c : r.when)
            if (matches_client(c, client_id, who)) return r.exit;
    }
    return std::nullopt;
}

template <class Member>
std::optional<uint64_t> router::find(std::string_view client_id, std::string_view text,
                                     const weft_guard_session* who, Member patterns) const {
    for (const auto& r : routes_) {
        if (!r.guarded.admits(who)) continue;
        if (r.when.empty()) return r.exit;
        for (const auto& c : r.when) {
            const auto& list = c.*patterns;
            const auto hit = [&](const topic_pattern& p) { return p.matches(text, who); };
            if (matches_client(c, client_id, who) && std::any_of(list.begin(), list.end(), hit))
                return r.exit;
        }
    }
    return std::nullopt;
}

std::optional<uint64_t> router::publish(std::string_view client_id, std::string_view topic,
                                        const weft_guard_session* who) const {
    return find(client_id, topic, who, &condition::publish);
}
std::optional<uint64_t> router::subscribe(std::string_view client_id, std::string_view filter,
                                          const weft_guard_session* who) const {
    return find(client_id, filter, who, &condition::subscribe);
}

}  // namespace weft::mqtt
