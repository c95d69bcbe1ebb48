// Reads what Kafka has of a session, up to the claim of its new owner: the values of its keys, the
// will it left, and the QoS 2 publishes behind the recorded positions.
#pragma once

#include "kafka/history_reader.hpp"
#include "session/history_slots.hpp"
#include "session/state/records.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace weft::mqtt_kafka {

class proxy;
class session;

struct loaded_session {
    // Newest values; none where there is no record, a tombstone or an empty value.
    std::optional<std::string> state, offsets, inflight, will, will_message, expiry;
    int64_t inflight_ms = 0;  // when that was written
    session_offsets qos2;     // decoded from `offsets`
    // QoS 2 publishes of the session that are behind those positions.
    struct published {
        std::string topic;
        int32_t partition;
        int64_t offset;
        uint16_t packet_id;
        int64_t number;
    };
    std::vector<published> published;
    bool newer_version = false;  // some value is of a program that is newer than this one

    std::string owner;                     // the instance whose claim was before ours; empty: none
    int64_t owner_epoch = -1;              // of that claim
    int64_t left_epoch = -1;               // the owner of this epoch has written its last word
    std::optional<std::string> last_word;  // what that is, when it came after our claim
    int64_t last_word_ms = 0;

    void take_last_word(int64_t epoch, std::string value, int64_t written_ms) {
        left_epoch = std::max(left_epoch, epoch);
        last_word = std::move(value);
        last_word_ms = written_ms;
    }
    bool has_left() const { return owner.empty() || left_epoch >= owner_epoch; }
};

class session_load final : public slot_holder, history_sink {
public:
    // `claim`: partition and offset of the claim on the sessions topic.
    session_load(proxy& p, session& s, int32_t partition, int64_t claim);
    virtual ~session_load();
    session_load(const session_load&) = delete;
    session_load& operator=(const session_load&) = delete;

    void start();
    void on_slot() override;
    void give_up_slot() override {}  // it is never idle

    void take_last_word(int64_t epoch, std::string value, int64_t written_ms) {
        out_.take_last_word(epoch, std::move(value), written_ms);
    }

private:
    enum class phase : uint8_t { keys, will, publishes };

    void on_history_record(const meta_view<weft_kafka_record>& record,
                           const weft_data& data) override;
    void on_history_progress(std::span<const weft_kafka_position>) override {}
    void on_history_end() override;
    void on_history_lost() override;

    void read();
    void read_keys();
    void read_newest(std::vector<std::string> keys);
    bool read_will();
    bool read_publishes();
    void take_key(const meta_view<weft_kafka_record>& record, std::string value);
    void take_owner(const meta_view<weft_kafka_record>& record, std::string_view value);
    void take_publish(const meta_view<weft_kafka_record>& record);
    void retry();

    proxy& proxy_;
    session& session_;
    loaded_session out_;
    history_reader* reader_ = nullptr;
    std::vector<std::string> topics_;  // still to be looked through for publishes
    int64_t claim_;
    uint64_t retry_timer_ = 0;
    int32_t partition_;
    phase phase_ = phase::keys;
    bool has_slot_ = false, in_line_ = false;
};

}  // namespace weft::mqtt_kafka
