// All shared subscriptions of one name ($share/name/...) on the worker that reads for them, and
// where they have come to: a Kafka consumer group. Its committed place in a partition is the oldest
// record that one of them has not finished.
#pragma once

#include "kafka/offsets_link.hpp"
#include "share/share.hpp"

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace weft::mqtt_kafka {

class share_group {
public:
    share_group(proxy& p, const std::string& name);
    ~share_group();
    share_group(const share_group&) = delete;
    share_group& operator=(const share_group&) = delete;

    const std::string& name() const { return name_; }
    // The shared subscription with this filter, null if there is none.
    share* find(std::string_view filter) const;
    void add(std::unique_ptr<share> s);
    // Topics of these shares have changed, members have come or left, or something was committed.
    void look();
    // No members, and everything is committed; or the process ends and it cannot be.
    bool over() const { return over_; }
    // It goes to another instance: nothing is committed any more, and it may go once what is under
    // way is answered. A late commit of ours would put back what the next one has written.
    void stop_committing(bool stop) { moving_ = stop; }
    bool committing() const;

    const offsets_link& link(const kafka_topic& topic) const;
    // Where the group is by Kafka's word, or where it was when the link was opened; none if it is
    // not known there.
    std::optional<int64_t> place_in(const kafka_topic& topic, int32_t partition, bool first) const;
    // For those who outlive the group: streams that are still to be closed.
    std::vector<std::unique_ptr<offsets_link>> release_links();
    template <class F>
    void each(F&& f) const {
        for (const auto& s : shares_) f(*s);
    }
    void tell_anew(const kafka_topic& topic, const partition_next& to);

private:
    struct topic_link {
        topic_use topic;
        std::unique_ptr<offsets_link> link;
    };
    void want_link(kafka_topic& topic);
    share_begin begin_of(const share& s) const;
    void commit();
    void on_wrong(const kafka_topic& topic, const weft_kafka_place& told, int64_t now);
    void on_answer(const std::string& error);
    void on_timer();

    proxy& proxy_;
    const std::string name_, id_;
    std::vector<topic_link> links_;  // outlive the shares
    std::vector<std::unique_ptr<share>> shares_;
    std::set<std::string, std::less<>> begun_;  // filters
    uint64_t timer_ = 0;
    bool failed_ = false, over_ = false, moving_ = false;
};

}  // namespace weft::mqtt_kafka
