// The sessions topic as one worker uses it: records written for sessions, what the tail brings
// dispatched to them, and the claims that decide who owns a session.
//
// A write is kept until Kafka has answered; if the stream breaks it is written again. Per session
// and key one write is under way, so a later value can never be overtaken by an older one.
#pragma once

#include "kafka/history_reader.hpp"
#include "kafka/kafka_topics.hpp"
#include "mapping/reasons.hpp"
#include "session/leftovers.hpp"
#include "session/sessions_by_id.hpp"
#include "session/state/identity.hpp"
#include "session/state/keys.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string_view>

namespace weft::mqtt_kafka {

class proxy;
class session;

// What the headers of a record on the sessions topic say of the owner that wrote it.
struct owner_mark {
    std::optional<int64_t> epoch;
    bool left = false;
};
owner_mark mark_of(const meta_view<weft_kafka_record>& record);

class session_store final : history_sink {
public:
    explicit session_store(proxy& p);
    virtual ~session_store();

    void use(kafka_topic& sessions) { topic_ = &sessions; }
    kafka_topic& topic() const { return *topic_; }
    // Can claims be made and read back?
    bool live() const;

    // Sessions whose records are looked out for.
    void add(session& s) { sessions_.add(s); }
    void remove(session& s);

    // Writes a value, or a tombstone. The session hears of the answer (session::on_written).
    // `last_word`: with left_header.
    void write(session& s, session_key key, std::optional<std::string_view> value,
               std::string_view lifetime_id = {}, bool last_word = false);
    // Nobody waits for these: another's leftovers.
    void clear(std::string_view client_id, session_key key, int64_t epoch,
               std::string_view lifetime_id = {});

    static constexpr uint64_t token_bit = uint64_t{1} << 63;  // tells our tokens from others
    void on_produced(uint64_t token, const produce_answer& answer);
    void on_produce_lost();
    // What the tail brings, or history for it.
    void on_record(const meta_view<weft_kafka_record>& record, const weft_data& data);
    // The tail went on behind these places: claims may be among what it left out.
    void on_tail_gap(const std::vector<partition_next>& before);

    bool idle() const { return writes_.empty(); }
    instance_identity me;
    leftovers left;

private:
    struct pending_write {
        staged_record record;  // to be written again if the stream breaks
        session* who;
        session_key key;
    };
    void submit(session* who, session_key key, std::string_view client_id,
                std::optional<std::string_view> value, int64_t epoch, std::string_view lifetime_id,
                bool last_word);
    void on_claim(std::string_view client_id, const meta_view<weft_kafka_record>& record,
                  const std::string& value);

    void on_history_record(const meta_view<weft_kafka_record>& record,
                           const weft_data& data) override;
    void on_history_progress(std::span<const weft_kafka_position>) override {}
    void on_history_end() override;
    void on_history_lost() override;
    void read_gap();

    proxy& proxy_;
    kafka_topic* topic_ = nullptr;
    sessions_by_id sessions_;
    std::map<uint64_t, pending_write> writes_;
    uint64_t last_ = 0;
    meta_writer<weft_kafka_produce> block_;
    history_reader* gap_ = nullptr;
    std::vector<weft_kafka_position> gap_places_;
    size_t gap_reading_ = 0;  // so many of them are asked for
    uint64_t gap_timer_ = 0;
};

}  // namespace weft::mqtt_kafka
