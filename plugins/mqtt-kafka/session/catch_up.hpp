// A session that is behind: places in partitions instead of a queue.
//
// Lanes hold the place in each partition of a Kafka topic whose records the session takes from
// history for now; replays are retained messages still to be sent after a SUBSCRIBE. Replays go
// first, then lanes; one history stream at a time. A partition is joined again when its place has
// reached the tail's.
#pragma once

#include "index/subscription.hpp"
#include "kafka/history_reader.hpp"
#include "kafka/kafka_topics.hpp"
#include "session/copies_seen.hpp"
#include "session/delivery.hpp"
#include "session/history_slots.hpp"
#include "session/outbox.hpp"

#include <deque>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace weft::mqtt_kafka {

class kafka_topic;
class proxy;
class subscriber;

class catch_up final : public slot_holder, history_sink {
public:
    struct replay_filter {
        subscription* to;
        std::string filter;
    };

    catch_up(proxy& p, subscriber& s);
    virtual ~catch_up();
    catch_up(const catch_up&) = delete;
    catch_up& operator=(const catch_up&) = delete;

    // Whether a live record of this place is to be delivered now; otherwise it was, or history
    // will.
    bool deliver_live(const kafka_topic& topic, int32_t partition, int64_t offset,
                      uint8_t qos) const;
    // Behind, and waiting for room: what is live must not take it away.
    bool starved() const {
        return !again_.empty() ||
               (!lanes_.empty() && !waiting_for_slot_ && (idle_ || !has_slot_) && has_work());
    }

    // A live record found no room: from it on, the partition is read from history. Does not read
    // yet.
    void fall_behind(kafka_topic& topic, int32_t partition, int64_t offset, uint32_t size);
    // From these places on the topic is read from history, QoS 0 as well.
    void hold(kafka_topic& topic, const std::vector<partition_next>& places);
    // A subscription made while the session is behind sees nothing older than itself.
    void subscribed_late(const subscription& s);
    void forget(const subscription& s);
    // What is in flight from this topic goes out again, before anything else.
    void send_again(kafka_topic& topic);
    // The session was here, as session_inflight has it, when its client was last connected.
    void resume(kafka_topic& topic, int32_t partition, int64_t stored);
    // Where the session is in partitions that the tail has not told of, and in this one; likewise.
    std::vector<partition_next> untold_places(const kafka_topic& topic) const;
    std::optional<int64_t> stored_place(const kafka_topic& topic, int32_t partition) const;
    void add_replay(kafka_topic& retained, std::vector<replay_filter> filters);

    // Goes on if there is something to do, room for it, and a history stream to be had.
    void pump();
    void give_up_slot() override;
    void on_slot() override;
    bool finished() const { return lanes_.empty() && replays_.empty() && again_.empty(); }

private:
    static constexpr int64_t never = std::numeric_limits<int64_t>::max();
    struct place {
        int32_t partition;
        int64_t next;          // offset of the next record to look at
        int64_t qos0_from;     // QoS 0 below it was delivered live or dropped
        int64_t asked = -1;    // end of the running history stream
        int64_t since_ms = 0;  // records before the first that is not older are passed over
        int64_t stored() const { return since_ms > 0 ? -since_ms : next; }
    };
    struct lane {
        topic_use topic;
        std::vector<place> places;
        copies_seen::way way;
        place* find(int32_t partition);
    };
    struct replay {
        kafka_topic* topic;
        std::vector<replay_filter> filters;
        std::vector<partition_next> places;
        uint64_t since;  // what is acknowledged later comes live, see acknowledged_copies
        bool guarded;    // routes are, here or in kafka
    };
    // A record that was read and waits for the client: what one read brings, not a queue of what is
    // published.
    struct waiting_record {
        std::vector<uint64_t> block;
        std::vector<chunk> payload;
        uint64_t trace;
    };

    void on_history_record(const meta_view<weft_kafka_record>& record,
                           const weft_data& data) override;
    void on_history_progress(std::span<const weft_kafka_position> positions) override;
    void on_history_end() override;
    void on_history_lost() override;

    lane* find(const kafka_topic& topic);
    const place* find(const kafka_topic& topic, int32_t partition) const;
    lane& want_lane(kafka_topic& topic);
    void join_what_caught_up();
    static bool can_read(const lane& l);
    bool has_work() const;
    bool has_room() const;
    void read();
    void read_again(const kafka_topic& topic);
    void drop_lost(const kafka_topic& topic);
    void read_lane(lane& l);
    void read_replay(const replay& r);
    void keep(const weft_data& data);
    bool send_waiting();
    void finish_job();
    void become_idle();
    // These return false when the record found no room.
    bool handle(const meta_view<weft_kafka_record>& record, const weft_data& data);
    bool again_record(const kafka_topic& topic, const meta_view<weft_kafka_record>& record,
                      const weft_data& data);
    bool replay_record(replay& r, const meta_view<weft_kafka_record>& record,
                       const weft_data& data);
    bool lane_record(lane& l, const meta_view<weft_kafka_record>& record, const weft_data& data);
    bool deliver_past(lane& l, const place& at, const meta_view<weft_kafka_record>& record,
                      const weft_data& data);
    bool send(delivery& d, uint8_t qos, bool retain, const record_place& from);
    bool sent(bool ok, const delivery& d, uint8_t qos);
    void stop_reading();
    void release_slot();
    void retry();

    proxy& proxy_;
    subscriber& subscriber_;
    enum class job : uint8_t { again, replay, lane };  // the first of its list
    std::vector<topic_use> again_;
    std::vector<lane> lanes_;  // the first is read next
    std::vector<std::unique_ptr<replay>> replays_;
    history_reader* reader_ = nullptr;
    std::deque<waiting_record> waiting_;  // of the running job
    job job_ = job::lane;
    bool ended_ = false;  // its history was read to the end
    bool has_slot_ = false;
    bool waiting_for_slot_ = false;
    bool idle_ = false;  // holds a slot and waits for room
    uint64_t retry_timer_ = 0;
    uint32_t stalled_size_ = 0;  // of the record that found no room
    uint8_t stalled_qos_ = 0;
};

}  // namespace weft::mqtt_kafka
