// The OFFSETS stream of one consumer group and topic: what was committed before, and commits.
#pragma once

#include "kafka/topic_stream.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>

namespace weft::mqtt_kafka {

class offsets_link final : public topic_stream {
public:
    using places = std::map<int32_t, int64_t>;  // by partition, the next record's offset

    offsets_link(worker w, uint64_t exit, std::string topic, std::string group);

    // False until Kafka has said what is committed.
    bool known() const { return known_; }
    // As far as Kafka has said.
    const places& committed() const { return committed_; }
    // The same, or where to go on when the log has no such place.
    std::optional<int64_t> place(int32_t partition) const;
    // What place() was at first.
    std::optional<int64_t> first(int32_t partition) const { return in(first_, partition); }
    bool committing() const { return !sent_.empty(); }
    // Not while one is under way. What does not succeed is not in committed().
    void commit(const places& p);

    std::function<void()> on_known;                           // known() now
    std::function<void(const std::string& error)> on_answer;  // a commit is over; empty: written
    // What is committed lies outside of the log; it goes on at `now`.
    std::function<void(const weft_kafka_place& told, int64_t now)> on_wrong;

protected:
    void describe(meta_writer<weft_kafka_begin>& m) const override;
    void on_news(stream s, const weft_flush& f) override;
    void on_lost() override {
        successor_knows_ = false;
        lose_commit();
    }
    void on_successor() override { successor_knows_ = false; }

private:
    static std::optional<int64_t> in(const places& p, int32_t partition) {
        const auto at = p.find(partition);
        return at == p.end() ? std::nullopt : std::optional(at->second);
    }
    void learn(const meta_view<weft_kafka_offsets>& m);
    void lose_commit();

    const std::string group_;
    places first_, committed_, sent_;
    places corrected_;  // until something is committed there
    uint64_t token_ = 0;
    bool known_ = false, successor_knows_ = false;
};

}  // namespace weft::mqtt_kafka
