// A TAIL stream: every new record of all partitions of a topic.
//
// Where a partition's delivery starts is fixed when the stream first hears of it: behind everything
// that Kafka had then. It is listed in kafka.partitions as soon as the cache has caught up to
// there, and its records follow.
#pragma once

#include "log/cursor.hpp"
#include "record_sender.hpp"
#include "topic_reader.hpp"

#include <vector>

namespace weft::kafka {

class tail_stream final : public reader {
public:
    tail_stream(reader_host& host, topic_reader& topic, stream s);
    ~tail_stream() override;

    void on_partitions() override { advance(); }
    void on_records() override { advance(); }
    void on_status(const weft_meta* status) override { stream_.flush(status); }
    void on_turn() override { pump(); }
    stream peer() const override { return stream_; }

    void on_window(stream, const weft_window& w) override;
    void on_end(stream, const weft_frame&) override { finish(); }
    void on_abort(stream, const weft_frame&) override { finish(); }
    void on_reset(stream, const weft_frame&) override { finish(); }
    void on_closed(stream) override { delete this; }

private:
    struct part {
        int32_t id = 0;
        int64_t start = 0;  // delivery begins here
        int64_t told = -1;  // the start that was listed
        bool live = false;  // its log has come that far
        bool seen = false;  // it had a log before
        std::shared_ptr<partition_log> log;
        cursor from;
        record_view pending;  // read, but there was no credit
    };

    void advance();
    void find_parts();
    void update(part& p);
    void list_when_due();
    void list();
    void on_waited();
    void pump();
    bool pump(part& p, uint32_t& records, uint32_t& bytes);
    void restart(part& p);
    void finish();

    reader_host& host_;
    topic_reader& topic_;
    stream stream_;
    record_sender sender_;
    std::vector<part> parts_;
    size_t turn_ = 0;  // the partition that goes first
    bool listed_ = false, waited_ = false, finished_ = false;
    uint64_t timer_ = 0;
};

}  // namespace weft::kafka
