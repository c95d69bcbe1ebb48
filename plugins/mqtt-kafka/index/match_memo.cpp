#include "index/match_memo.hpp"

#include "mapping/levels.hpp"
#include "mapping/utf8.hpp"

#include <algorithm>
#include <functional>

namespace weft::mqtt_kafka {

namespace {
using owner_less = std::less<const subscription_owner*>;
}

const match_entry* match_result::find(const subscription_owner& owner) const {
    const auto at = std::lower_bound(
        entries.begin(), entries.end(), &owner,
        [](const match_entry& e, const subscription_owner* o) { return owner_less{}(e.owner, o); });
    return at != entries.end() && at->owner == &owner ? &*at : nullptr;
}

void match_topic(const subscription_index& index, std::string_view topic, uint32_t kafka_topic,
                 match_result& out) {
    out.entries.clear();
    out.subscriptions.clear();
    out.ids_max = 0;
    index.match(topic, [&](subscription& s) {
        if (s.topics->contains(kafka_topic)) out.subscriptions.push_back(&s);
    });
    std::sort(out.subscriptions.begin(), out.subscriptions.end(),
              [](const subscription* a, const subscription* b) {
                  return owner_less{}(a->owner, b->owner);
              });
    for (uint32_t i = 0; i < out.subscriptions.size(); ++i) {
        const subscription& s = *out.subscriptions[i];
        if (out.entries.empty() || out.entries.back().owner != s.owner)
            out.entries.push_back({s.owner, i, 0, 0, 0, 0});
        match_entry& e = out.entries.back();
        ++e.count;
        e.ids += s.id != 0;
        e.qos = std::max(e.qos, s.qos);
        e.flags |= s.flags;
        out.ids_max = std::max(out.ids_max, e.ids);
    }
}

const match_result& match_memo::lookup(const subscription_index& index, std::string_view topic,
                                       uint32_t kafka_topic) {
    if (version_ != index.version()) {
        results_.clear();
        subscriptions_ = 0;
        version_ = index.version();
    }
    if (const auto found = results_.find(topic); found != results_.end()) return found->second;
    if (results_.size() >= memo_topics_max || subscriptions_ > memo_subscriptions_max) {
        results_.clear();
        subscriptions_ = 0;
    }
    match_result& made = results_[std::string(topic)];
    // Keys of foreign records may be anything; what is no topic name matches nothing.
    if (valid_topic_name(topic) && valid_utf8(topic)) match_topic(index, topic, kafka_topic, made);
    subscriptions_ += made.subscriptions.size();
    return made;
}

}  // namespace weft::mqtt_kafka
