// Publishes to Kafka topics that are guarded: whoever sends them is asked for first, once for each
// topic, and they wait in order until there is an answer.
#include "proxy.hpp"
#include "session/publisher.hpp"
#include "session/session.hpp"

#include <iterator>
#include <utility>

namespace weft::mqtt_kafka {

// False when the publish is refused, or waits.
bool publisher::admitted(const incoming& in, kafka_topic& topic) {
    switch (proxy_.access(in.from, topic)) {
        case access_verdict::allowed:
            return true;
        case access_verdict::denied:
            refuse(in, {reason::not_authorized,
                        "Kafka topic '" + topic.name() + "' is not for this client"});
            return false;
        case access_verdict::unknown:
            break;
    }
    hold(in, &topic);
    return false;
}

void publisher::hold(const incoming& in, kafka_topic* topic) {
    auto& extra = in.from.credit.extra;
    if (!extra) extra = std::make_unique<publish_extra>();
    const uint32_t cost = cost_of(in);
    if (!topic) topic = extra->asked.front().topic.get();
    extra->asked.push_back({staged_record::make(proxy_.here, in.meta, in.payload), in.reserved,
                            cost, in.trace, topic_use(*topic)});
    used_ += cost;
    ++asking_;
    ++in.from.credit.outstanding;
}

// In the order in which they came; the first one whose topic is not known yet holds up the rest.
void publisher::on_access(session& s) {
    if (!s.credit.extra || s.credit.extra->asked.empty()) return;
    auto waiting = std::exchange(s.credit.extra->asked, {});
    ++s.credit.outstanding;  // keeps s
    size_t done = 0;
    for (; done < waiting.size(); ++done) {
        auto& w = waiting[done];
        used_ -= w.cost;
        --asking_;
        --s.credit.outstanding;
        std::vector<weft_slice> payload;
        for (const auto& c : w.publish.payload) payload.push_back(c.slice());
        const meta_view<weft_mqtt_publish> view(w.publish.meta());
        publish(
            {s, w.publish.meta(), view, payload, w.publish.size, w.reserved, w.trace, false, true});
        if (s.credit.extra && !s.credit.extra->asked.empty()) {
            ++done;
            break;
        }
    }
    if (done < waiting.size()) {
        auto& again = s.credit.extra->asked;
        again.insert(again.end(),
                     std::make_move_iterator(waiting.begin() + static_cast<std::ptrdiff_t>(done)),
                     std::make_move_iterator(waiting.end()));
    }
    drop_unused_extra(s);
    --s.credit.outstanding;
    feed_starving();
    if (s.credit.outstanding == 0 && !s.open()) {
        s.on_publishes_answered();
        s.on_settled();
    }
    proxy_.publish_answered();
}

// Nobody was told that they are received: the client sends them again.
void publisher::drop_asking_qos2(session& s) {
    if (!s.credit.extra) return;
    std::erase_if(s.credit.extra->asked, [&](publish_extra::asking& w) {
        const meta_view<weft_mqtt_publish> view(w.publish.meta());
        if (view->qos != 2) return false;
        used_ -= w.cost;
        --asking_;
        --s.credit.outstanding;
        return true;
    });
    drop_unused_extra(s);
}

}  // namespace weft::mqtt_kafka
