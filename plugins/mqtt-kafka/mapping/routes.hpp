// Routes: from an MQTT topic or filter to Kafka topics and exits (`routes`, with the binding's
// `exit` as the last).
#pragma once

#include "mapping/topic_pattern.hpp"

#include <weft/guard.hpp>

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

// Which guarded routes a client may take, a bit each; those that are not guarded need none.
using route_rights = uint64_t;
inline constexpr route_rights all_rights = UINT64_MAX;
inline constexpr size_t guarded_routes_max = 64;

struct route {
    bool unconditional = false;  // no `when`
    std::vector<topic_pattern> publish, subscribe;
    topic_template messages;
    uint64_t exit = 0;
    guarded_rule guarded{};
    route_rights bit = 0;  // of a guarded one
};

class routes {
public:
    // False when it is one guarded route too many.
    bool add(route r);
    const std::vector<route>& all() const { return routes_; }

    bool guarded() const { return guarded_ > 0; }
    route_rights rights_of(const weft_guard_session* who) const;
    // Is there a route at all for who has these?
    bool admits(route_rights rights) const;

    // The first route that takes a publish to this topic.
    route_result match_publish(std::string_view topic, route_target& target,
                               route_rights rights = all_rights) const;

    // The targets of all routes that may carry topics this filter matches, without repetition. What
    // is published to such topics goes to the first `deciding` of them: behind those is a route
    // that takes all that is left.
    route_result match_subscribe(std::string_view filter, std::vector<route_target>& targets,
                                 route_rights rights = all_rights,
                                 size_t* deciding = nullptr) const;

private:
    std::vector<route> routes_;
    size_t guarded_ = 0;
};

}  // namespace weft::mqtt_kafka
