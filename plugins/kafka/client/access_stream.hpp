// An ACCESS stream: answered by the routes, without Kafka. One that stays open is asked to move
// when the binding is replaced.
#pragma once

#include "topics.hpp"

namespace weft::kafka::client {

class access_stream final : public topic_stream {
public:
    access_stream(stream s, stream_owner& owner, std::vector<access_stream*>& list,
                  const std::string& topic, bool guarded);
    ~access_stream() override { std::erase(list_, this); }

    void on_topic() override {}
    void on_end(stream, const weft_frame&) override { finish(); }
    void on_abort(stream, const weft_frame&) override { finish(); }
    void on_reset(stream, const weft_frame&) override { finish(); }
    void on_closed(stream) override { delete this; }

private:
    void finish() {
        stream_.end();
        stream_.reset();
    }

    std::vector<access_stream*>& list_;  // the instance's
};

}  // namespace weft::kafka::client
