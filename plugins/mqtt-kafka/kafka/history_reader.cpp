#include "kafka/history_reader.hpp"

#include "limits.hpp"

namespace weft::mqtt_kafka {

history_reader* history_reader::open(worker w, const history_query& query, history_sink& sink) {
    meta_writer<weft_kafka_begin> m;
    m->role = WEFT_KAFKA_HISTORY;
    m->flags = WEFT_KAFKA_SHARED;
    if (query.newest_per_key) m->flags |= WEFT_KAFKA_NEWEST_PER_KEY;
    m->topic = m.text(query.topic);
    if (!query.positions.empty())
        m->positions = m.list_of(std::span<const weft_kafka_position>(query.positions));
    if (const size_t count = query.filters.size() + query.keys.size(); count > 0) {
        const weft_ref list = m.list<weft_kafka_filter>(count);
        size_t at = 0;
        const auto add = [&](const std::string& text, uint32_t kind) {
            const weft_ref pattern = m.text(text);
            m.item<weft_kafka_filter>(list, at++) = {pattern, kind, 0};
        };
        for (const auto& f : query.filters) add(f, WEFT_KAFKA_KEY_LEVELS);
        for (const auto& k : query.keys) add(k, WEFT_KAFKA_KEY_EQUALS);
        m->filters = list;
    }
    auto* reader = new history_reader(sink);
    reader->stream_ = w.open(query.exit, *reader, m.get());
    reader->stream_.window(record_window);
    return reader;
}

void history_reader::close() {
    sink_ = nullptr;
    stream_.end();
    stream_.reset();
}

void history_reader::finish(bool complete) {
    history_sink* sink = sink_;
    close();
    if (!sink) return;
    if (complete)
        sink->on_history_end();
    else
        sink->on_history_lost();
}

void history_reader::on_data(stream s, const weft_data& d) {
    if (!sink_) return;
    if (s.received() - granted_ > record_window / 2) {
        granted_ = s.received();
        s.window(record_window);
    }
    const meta_view<weft_kafka_record> record(d.h.meta);
    // The sink closes the reader itself when it has no room, so nothing may follow the call.
    if (record) sink_->on_history_record(record, d);
}

void history_reader::on_flush(stream, const weft_flush& f) {
    const meta_view<weft_kafka_progress> progress(f.h.meta);
    if (sink_ && progress)
        sink_->on_history_progress(progress.list<weft_kafka_position>(progress->positions));
}

void history_reader::on_closed(stream) {
    if (sink_) sink_->on_history_lost();
    delete this;
}

}  // namespace weft::mqtt_kafka
