#include "config.hpp"

#include <weft/hash.hpp>

#include <algorithm>
#include <limits>
#include <stdexcept>

namespace weft::mqtt_kafka {

namespace {

constexpr uint8_t qos_supported = 2;

[[noreturn]] void fail(std::string path, const std::string& text) {
    throw config_error(std::move(path), text);
}

std::string topic_name(const nlohmann::json& topics, const char* role) {
    auto name = topics.at(role).get<std::string>();
    if (!valid_kafka_topic(name))
        fail(std::string("/options/topics/") + role,
             "'" + name + "' is not a name that Kafka allows for a topic");
    return name;
}

void read_clients(const nlohmann::json& options, identity_patterns& out) {
    const auto list = options.value("clients", nlohmann::json::array());
    for (size_t i = 0; i < list.size(); ++i) {
        try {
            out.add(list[i].get<std::string>());
        } catch (const std::invalid_argument& e) {
            fail("/options/clients/" + std::to_string(i), e.what());
        }
    }
}

uint8_t read_qos_max(const binding_config& config) {
    static const std::pair<const char*, uint8_t> names[] = {
        {"at_most_once", 0}, {"at_least_once", 1}, {"exactly_once", 2}};
    uint8_t qos = qos_supported;
    if (const auto publish = config.options.find("publish"); publish != config.options.end()) {
        const auto wanted = publish->value("qosMax", "exactly_once");
        for (const auto& [name, value] : names)
            if (wanted == name) qos = std::min(qos, value);
    }
    const int64_t property =
        config.property("zilla.binding.mqtt.kafka.publish.qos.max", int64_t{2});
    if (property < 0 || property > 2)
        fail("", "property zilla.binding.mqtt.kafka.publish.qos.max: must be 0, 1 or 2");
    return std::min(qos, static_cast<uint8_t>(property));
}

void read_conditions(const nlohmann::json& item, const char* kind,
                     std::vector<topic_pattern>& out) {
    const auto list = item.find(kind);
    if (list == item.end()) return;
    for (const auto& condition : *list) out.emplace_back(condition.at("topic").get<std::string>());
}

void check_params(const topic_template& messages, const std::vector<topic_pattern>& patterns,
                  const std::string& path) {
    for (const auto& pattern : patterns) {
        route_params params;
        pattern.capture(pattern.text(), params);
        for (auto& p : params) p.open = false;
        if (!messages.expand(params))
            fail(path, "uses a parameter that topic '" + pattern.text() + "' does not have");
    }
}

route read_route(const binding_config& config, const route_config& from, const std::string& path,
                 const std::string& default_messages) {
    std::string messages = default_messages;
    if (from.with.is_object()) messages = from.with.value("messages", default_messages);
    topic_template names{""};
    try {
        names = topic_template(messages);
    } catch (const std::invalid_argument& e) {
        fail(path + "/with/messages", e.what());
    }
    if (!names.has_params() && !valid_kafka_topic(messages))
        fail(path + "/with/messages",
             "'" + messages + "' is not a name that Kafka allows for a topic");

    route r{!from.when.is_array() || from.when.empty(), {}, {}, std::move(names), from.exit};
    r.guarded = guarded_rule(config, from.guarded);
    if (!r.unconditional) {
        for (const auto& item : from.when) {
            read_conditions(item, "publish", r.publish);
            read_conditions(item, "subscribe", r.subscribe);
        }
    } else if (r.messages.has_params()) {
        fail(path + "/with/messages",
             "uses a parameter, but the route has no topic to take it from");
    }
    check_params(r.messages, r.publish, path + "/with/messages");
    check_params(r.messages, r.subscribe, path + "/with/messages");
    return r;
}

// An integer property within bounds, or its default.
template <class T>
void read_limit(const binding_config& config, const char* name, T& value, int64_t least = 1) {
    const std::string key = std::string("weft.binding.mqtt.kafka.") + name;
    const int64_t v = config.property(key, static_cast<int64_t>(value));
    constexpr auto most = std::numeric_limits<T>::max();
    if (v < least || static_cast<uint64_t>(v) > most)
        fail("", "property " + key + ": must be between " + std::to_string(least) + " and " +
                     std::to_string(most));
    value = static_cast<T>(v);
}

limits read_limits(const binding_config& config) {
    limits l;
    read_limit(config, "kafka.wait.ms", l.kafka_wait_ms);
    read_limit(config, "receive.max", l.receive_max);
    read_limit(config, "inflight.max", l.inflight_max);
    read_limit(config, "unacknowledged.bytes.max", l.unacknowledged_bytes_max);
    read_limit(config, "publish.window.min", l.publish_window_min, publish_padding * 4);
    read_limit(config, "publish.window.max", l.publish_window_max, publish_padding * 4);
    read_limit(config, "assembly.bytes.max", l.assembly_bytes_max);
    read_limit(config, "message.bytes.max", l.message_bytes_max);
    read_limit(config, "history.streams.max", l.history_streams_max);
    read_limit(config, "dynamic.topics.max", l.dynamic_topics_max);
    read_limit(config, "subscriptions.max", l.subscriptions_max);
    read_limit(config, "v311.session.expiry.s", l.v311_session_expiry_s);
    read_limit(config, "takeover.wait.ms", l.takeover_wait_ms);
    read_limit(config, "session.loads.max", l.session_loads_max);
    read_limit(config, "share.commit.ms", l.share_commit_ms);
    read_limit(config, "share.remote.inflight.max", l.share_remote_inflight_max);
    if (l.publish_window_max < l.publish_window_min)
        fail("", "property weft.binding.mqtt.kafka.publish.window.max: below publish.window.min");
    return l;
}

// What decides which records a subscription reads.
std::string mark_of(const binding_config& config) {
    auto all = nlohmann::json::array({config.options});
    for (const auto& r : config.routes) all.push_back({r.when, r.with, r.guarded, r.exit});
    return std::to_string(fnv1a_64(all.dump()));
}

}  // namespace

settings make_settings(const binding_config& config) {
    settings s;
    s.name = config.qualified_name();
    s.mark = mark_of(config);
    const auto& topics = config.options.at("topics");
    s.sessions_topic = topic_name(topics, "sessions");
    s.messages_topic = topic_name(topics, "messages");
    s.retained_topic = topic_name(topics, "retained");
    read_clients(config.options, s.clients);
    s.publish_qos_max = read_qos_max(config);
    for (size_t i = 0; i < config.routes.size(); ++i)
        if (const auto path = "/routes/" + std::to_string(i);
            !s.table.add(read_route(config, config.routes[i], path, s.messages_topic)))
            fail(path + "/guarded",
                 "more than " + std::to_string(guarded_routes_max) + " guarded routes");
    if (!s.table.all().empty()) s.exit = s.table.all().front().exit;
    s.limit = read_limits(config);
    return s;
}

}  // namespace weft::mqtt_kafka
