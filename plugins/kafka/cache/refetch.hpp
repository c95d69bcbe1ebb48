// Reads for one HISTORY what the cache does not have (any more): a FETCH stream through the exit,
// bounded by its credit.
#pragma once

#include "meta_block.hpp"
#include "topic_reader.hpp"
#include "upstream.hpp"

#include <deque>
#include <optional>
#include <string_view>
#include <vector>

namespace weft::kafka {

class refetch final : public upstream::listener {
public:
    class listener {
    public:
        virtual ~listener() = default;
        virtual bool matches(std::optional<std::string_view> key, bool empty) const = 0;
        // All below was sent or does not match. At the target it is over, and may be destroyed in
        // the next turn.
        virtual void on_refetched_to(int64_t offset) = 0;
    };
    refetch(reader_host& host, const topic_reader& topic, listener& l, stream to, int32_t partition,
            int64_t from, int64_t end);

    int64_t end() const { return end_; }
    bool over() const { return next_ >= end_ && waiting_.empty(); }
    void on_credit();  // the reader takes more

private:
    struct record {
        meta_block meta;
        std::vector<chunk> payload;
        uint32_t bytes;
        int64_t offset;
    };
    void on_upstream_open(upstream& u) override;
    void on_upstream_data(const weft_data& d) override;
    void on_upstream_flush(const weft_flush& f) override;
    void on_upstream_broken(uint32_t failures, const weft_frame* why) override;
    bool send(const weft_meta* meta, std::span<const weft_slice> payload, uint32_t bytes);
    void reached(int64_t offset);
    void grant() const;

    reader_host& host_;
    const topic_reader& topic_;
    listener& listener_;
    stream to_;
    const int32_t partition_;
    int64_t next_;  // wanted from Kafka
    const int64_t end_;
    std::deque<record> waiting_;
    uint64_t waiting_bytes_ = 0;
    upstream fetch_;
};

}  // namespace weft::kafka
