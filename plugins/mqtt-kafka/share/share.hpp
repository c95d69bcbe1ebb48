// One shared subscription ($share/name/filter) on the worker that reads for it: hands each record
// that matches to one member, in turn, and keeps what is out until it is acknowledged.
//
//   made -> started: reads, has a place in each partition -> settled: the places are committed, so
//                                                            members join and are answered
//
// Level with a partition's tail it hands on what comes live. When no member has room it keeps a
// place, no queue, and reads on from history when one has. Deliveries that come back (their member
// is gone, or had no room after all) are read again, and before anything new.
#pragma once

#include "index/subscription.hpp"
#include "kafka/history_reader.hpp"
#include "kafka/kafka_topics.hpp"
#include "session/copies_seen.hpp"
#include "session/delivery.hpp"
#include "share/flights.hpp"
#include "share/hub.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace weft::mqtt_kafka {

class proxy;
class share_group;

// Where a shared subscription begins that has no members yet.
enum class share_begin : uint8_t {
    committed,  // where the group is in Kafka, or now if it is not known there
    first,      // where it was when this process heard of it
    now
};

class share final : public subscription_owner, history_sink {
public:
    share(proxy& p, share_group& g, uint32_t number, std::string filter,
          const std::vector<kafka_topic*>& topics);
    virtual ~share();
    share(const share&) = delete;
    share& operator=(const share&) = delete;

    const std::string& filter() const { return filter_; }
    uint32_t number() const { return number_; }
    bool started() const { return started_; }
    bool resumes() const { return resumes_; }
    // No members, and nothing with one that was.
    bool idle() const { return members_.empty() && joining_.empty() && flights_.empty(); }

    // Begins when its tails are live and the committed places known.
    void start_if_ready(share_begin from);
    void settle_if_committed();
    void join(member_id id, bool resumes);
    void leave(member_id id);
    void room(member_id id, uint32_t turn);
    void refused(member_id id, uint32_t turn, uint64_t cookie);
    void done(uint64_t cookie);

    // The whole of it for another instance, and from one.
    letter_ptr pack(const std::string& name) const;
    void adopt(const meta_view<share_text>& text);

    void on_live(kafka_topic& topic, const meta_view<weft_kafka_record>& record,
                 const weft_data& data, delivery& d, const match_result&,
                 const match_entry&) override;
    void on_tail_gap(const kafka_topic& topic, const std::vector<partition_next>& before);
    // The tail went back to `to`; `anew`: the topic was made again, and is read from its beginning.
    void on_tail_back(const kafka_topic& topic, const partition_next& to, bool anew);

    // Everything below these is done; merged into `out` as the lower of both.
    void add_places(const kafka_topic& topic, std::map<int32_t, int64_t>& out) const;
    template <class F>
    void each_topic(F&& f) const {
        for (const lane& l : lanes_) f(*l.topic);
    }

private:
    struct member {
        member_id id;
        uint32_t turn = 0;    // as it has told
        uint32_t flying = 0;  // out at it
        bool full = true;     // until it tells of room
    };
    struct place {
        int32_t partition;
        int64_t next;
        bool level;          // follows the tail
        int64_t asked = -1;  // end of the running history stream
    };
    struct lane {
        topic_use topic;
        std::vector<place> places;
        copies_seen::way way;
        place* find(int32_t partition);
    };

    void on_history_record(const meta_view<weft_kafka_record>& record,
                           const weft_data& data) override;
    void on_history_progress(std::span<const weft_kafka_position> positions) override;
    void on_history_end() override;
    void on_history_lost() override;

    std::optional<uint32_t> lane_of(const kafka_topic& topic) const;
    member* find(member_id id);
    int64_t begin_in(lane& l, const partition_next& tail, share_begin from) const;
    void pump();
    bool has_room() const;
    void read_again();
    bool read_lane(uint32_t number);
    void stop_reading();
    void retry();
    void again_record(const meta_view<weft_kafka_record>& record, const weft_data& data);
    void lane_record(const meta_view<weft_kafka_record>& record, const weft_data& data);
    // False when no member has room.
    bool dispatch(const share_key& of, const meta_view<weft_kafka_record>& record,
                  const weft_data& data, delivery& d);
    bool offer(member& m, const share_key& of, const meta_view<weft_kafka_record>& record,
               const weft_data& data, delivery& d);
    // What was out as `cookie`, if it still is.
    std::optional<share_key> landed(uint64_t cookie);

    proxy& proxy_;
    share_group& group_;
    const uint32_t number_;
    const std::string filter_;
    subscription subscription_;
    std::vector<lane> lanes_;
    std::vector<member> members_;
    std::vector<member_id> joining_;  // until it is settled
    size_t turn_ = 0;                 // whose turn it is
    share_flights flights_;
    std::set<share_key> again_;         // came back
    std::set<share_key> asked_;         // of again_: being read
    std::vector<share_place> adopted_;  // until it has started
    uint64_t retry_timer_ = 0;
    history_reader* reader_ = nullptr;
    uint32_t reading_ = 0;  // the lane
    bool reading_again_ = false, started_ = false, settled_ = false, resumes_ = false;
};

}  // namespace weft::mqtt_kafka
