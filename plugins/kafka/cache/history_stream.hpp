// A HISTORY stream: what partitions hold from given positions up to their end at the time of
// opening, filtered, then END.
#pragma once

#include "log/cursor.hpp"
#include "record_sender.hpp"
#include "refetch.hpp"
#include "topic_reader.hpp"

#include <memory>
#include <optional>
#include <vector>

namespace weft::kafka {

class history_stream final : public reader, public refetch::listener {
public:
    history_stream(reader_host& host, topic_reader& topic, stream s,
                   const meta_view<weft_kafka_begin>& begin);
    ~history_stream() override;

    void on_partitions() override { pump(); }
    void on_records() override { pump(); }
    void on_answer() override { pump(); }
    void on_retired() override { pump(); }  // it ends by itself
    void on_turn() override { pump(); }
    void on_status(const weft_meta* status) override { stream_.flush(status); }
    stream peer() const override { return stream_; }

    void on_window(stream, const weft_window& w) override;
    void on_end(stream, const weft_frame&) override {
    }  // the opener's direction carries nothing anyway
    void on_abort(stream, const weft_frame&) override { finish(); }
    void on_reset(stream, const weft_frame&) override { finish(); }
    void on_closed(stream) override { delete this; }

private:
    struct part {
        int32_t id = 0;
        int64_t from = 0;  // next offset wanted; WEFT_KAFKA_OFFSET_* until resolved
        int64_t to = -1;   // -1 until known
        bool done = false;
    };
    enum class step : uint8_t { again, blocked, waiting, finished };

    void pump();
    bool resolve();
    void resolve(part& p, const topic_reader::partition& known);
    step read(part& p);
    step send_pending(part& p);
    void start_refetch(part& p, int64_t to);
    void skip(part& p, const record_view& r);
    void complete(part& p);
    void progress(part& p);
    void on_waited();
    void finish();

    void on_refetched_to(int64_t offset) override;
    bool matches(std::optional<std::string_view> key, bool empty) const override;

    reader_host& host_;
    topic_reader& topic_;
    stream stream_;
    record_sender sender_;
    key_filters filters_;
    bool newest_per_key_ = false;
    bool whole_topic_ = false;  // no positions were given
    std::vector<part> parts_;
    bool partitions_fixed_ = false;
    uint64_t ticket_ = 0;  // of the question where Kafka's log ends; 0: all ends were given
    bool waited_ = false, finished_ = false;
    uint64_t timer_ = 0;

    size_t current_ = 0;  // the part that cursor_ or refetch_ reads
    std::optional<filtered_cursor> cursor_;
    record_view pending_;
    int64_t told_ = 0;  // progress of the current part
    std::unique_ptr<refetch> refetch_;
    uint32_t records_ = 0, bytes_ = 0, keys_ = 0;  // budget of this turn
};

}  // namespace weft::kafka
