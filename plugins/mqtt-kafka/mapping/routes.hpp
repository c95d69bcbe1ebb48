// Routes: from an MQTT topic or filter to Kafka topics and exits (`routes`, with the binding's
// `exit` as the last).
#pragma once

#include "mapping/topic_pattern.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weft::mqtt_kafka {

// with.messages: text with ${params.name} in it.
class topic_template {
public:
    explicit topic_template(
        std::string_view text);  // throws std::invalid_argument on an expression it does not know

    bool has_params() const { return pieces_.size() > 1 || (!pieces_.empty() && pieces_[0].param); }
    bool uses(std::string_view param) const;
    // The Kafka topic, or nothing when a parameter is open or missing.
    std::optional<std::string> expand(const route_params& params) const;

private:
    struct piece {
        bool param;
        std::string text;
    };
    std::vector<piece> pieces_;
};

// What Kafka allows as a topic name; parameters come from clients.
bool valid_kafka_topic(std::string_view name);

// A Kafka topic behind an exit.
struct route_target {
    uint64_t exit = 0;
    std::string topic;
    bool dynamic = false;  // named by a client through ${params}

    bool operator==(const route_target&) const = default;
};

enum class route_result : uint8_t {
    ok,
    no_route,       // nothing matches
    invalid_topic,  // ${params} make a name that Kafka does not allow
    open_param  // a wildcard of the filter stands where a route has a parameter: its Kafka topics
                // cannot be listed
};

struct route {
    bool unconditional = false;  // no `when`
    std::vector<topic_pattern> publish, subscribe;
    topic_template messages;
    uint64_t exit = 0;
};

class routes {
public:
    void add(route r) { routes_.push_back(std::move(r)); }
    const std::vector<route>& all() const { return routes_; }

    // The first route that takes a publish to this topic.
    route_result match_publish(std::string_view topic, route_target& target) const;

    // The targets of all routes that may carry topics this filter matches, without repetition.
    route_result match_subscribe(std::string_view filter, std::vector<route_target>& targets) const;

private:
    std::vector<route> routes_;
};

}  // namespace weft::mqtt_kafka
