// One HISTORY stream: past records for one subscriber. Frees itself when its stream is closed.
#pragma once

#include <weft/worker.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace weft::mqtt_kafka {

class history_sink {
public:
    // May close the reader, when it has no room: the record will be read again then.
    virtual void on_history_record(const meta_view<weft_kafka_record>& record,
                                   const weft_data& data) = 0;
    virtual void on_history_progress(std::span<const weft_kafka_position> positions) = 0;
    virtual void
    on_history_end() = 0;  // everything up to the asked ends was told; the reader is gone
    virtual void on_history_lost() = 0;  // the stream broke; the reader is gone

protected:
    ~history_sink() = default;
};

struct history_query {
    uint64_t exit = 0;
    std::string topic;
    std::vector<weft_kafka_position> positions;
    std::vector<std::string> filters;  // of levels
    std::vector<std::string> keys;     // exact; none of both = all
    bool newest_per_key = false;
};

class history_reader final : public endpoint {
public:
    static history_reader* open(worker w, const history_query& query, history_sink& sink);

    // Ends the stream; the sink hears no more.
    void close();

    void on_data(stream s, const weft_data& d) override;
    void on_flush(stream, const weft_flush& f) override;
    void on_end(stream, const weft_frame&) override { finish(true); }
    void on_abort(stream, const weft_frame&) override { finish(false); }
    void on_reset(stream, const weft_frame&) override { finish(false); }
    void on_closed(stream) override;

private:
    explicit history_reader(history_sink& sink) : sink_(&sink) {}
    void finish(bool complete);

    history_sink* sink_;
    stream stream_;
    uint64_t granted_ = 0;
};

}  // namespace weft::mqtt_kafka
