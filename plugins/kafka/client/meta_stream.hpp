// A META stream: tells a topic's partitions first and at each change.
#pragma once

#include "topics.hpp"

namespace weft::kafka::client {

class meta_stream : public topic_stream {
public:
    meta_stream(stream s, stream_owner& owner, topics& registry, const std::string& name);
    ~meta_stream() override { topics_.leave(*this); }

    void on_topic() override;
    void on_end(stream, const weft_frame&) override { finish(); }
    void on_abort(stream, const weft_frame&) override { finish(); }
    void on_reset(stream, const weft_frame&) override { finish(); }
    void on_closed(stream) override { delete this; }

private:
    struct partition_key {
        int32_t id;
        bool known;
        bool operator==(const partition_key&) const = default;
    };

    void finish();

    topics& topics_;
    bool told_ = false;
    uint32_t told_cleanup_ = 0;
    std::string told_cluster_;
    std::vector<partition_key> told_partitions_;
};

}  // namespace weft::kafka::client
