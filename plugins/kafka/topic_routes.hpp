// The routes of a kafka binding: by topic, and by who asks.
//
// One stream serves many clients, so all of a topic goes to one exit: that of the first route which
// takes the topic. A guarded route that does not admit who asks is passed over; a later route lets
// in only if it leads to the same exit.
#pragma once

#include <weft/guard.hpp>
#include <weft/text.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weft::kafka {

struct topic_route {
    std::vector<std::string> topics;  // wildcards; empty: every topic
    uint64_t exit = 0;
    guarded_rule guarded{};

    bool takes(std::string_view topic) const;
};

class topic_routes {
public:
    topic_routes() = default;
    explicit topic_routes(const binding_config& c);

    bool empty() const { return routes_.empty(); }
    // 0: no route takes the topic.
    uint64_t exit_for(std::string_view topic) const;
    // May who opens a stream with this BEGIN use the topic? Whoever opens it SHARED asks for its
    // clients by ACCESS.
    bool admits(const worker& w, const weft_begin& b, const weft_kafka_begin& begin,
                std::string_view topic) const;
    // Not everybody may use the topic.
    bool guards(std::string_view topic) const { return !admits(topic, nullptr); }

private:
    bool admits(std::string_view topic, const weft_guard_session* who) const;

    std::vector<topic_route> routes_;
    bool guarded_ = false;  // one of them is
};

}  // namespace weft::kafka
