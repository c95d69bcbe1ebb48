#include "session/leftovers.hpp"

#include "proxy.hpp"
#include "session/state/records.hpp"

#include <algorithm>

namespace weft::mqtt_kafka {

namespace {
constexpr uint32_t leftovers_retry_ms = 1'000;
constexpr int64_t leftovers_timer_ms_max = 24ll * 3600 * 1000;  // looked at again then
}  // namespace

leftovers::~leftovers() {
    if (reader_) reader_->close();
    if (timer_) proxy_.here.cancel(timer_);
}

void leftovers::start() {
    if (std::exchange(started_, true)) return;
    history_query q;
    q.exit = proxy_.store.topic().exit();
    q.topic = proxy_.store.topic().name();
    q.newest_per_key = true;
    reader_ = history_reader::open(proxy_.here, q, *this);
}

void leftovers::on_history_record(const meta_view<weft_kafka_record>& record,
                                  const weft_data& data) {
    const auto key = split(record.text(record->key));
    if (!key || key->key != session_key::expiry) return;
    std::string value;
    for (const auto& s : slices(data)) value += text_of(s);
    session_signal signal;
    // Without a time it is the end of a session whose client was there: maybe it still is.
    if (decode(value, signal) != decoded::ok || signal.at_ms < 0) return;
    int64_t epoch = 0;
    for (const weft_pair& h : record.list<weft_pair>(record->headers))
        if (record.text(h.name) == epoch_header)
            epoch = epoch_of(record.text(h.value)).value_or(epoch);
    const auto [at, fresh] =
        sessions_.try_emplace(std::string(key->client_id), left{signal.at_ms, epoch});
    if (fresh) times_.emplace(signal.at_ms, at->first);
}

void leftovers::on_history_end() {
    reader_ = nullptr;
    arm();
}

void leftovers::on_history_lost() {
    reader_ = nullptr;
    started_ = false;
    sessions_.clear();
    times_.clear();
    timer_ = proxy_.here.timer_in_ms(leftovers_retry_ms, call<&leftovers::on_timer>, this);
}

void leftovers::forget(std::string_view client_id) {
    sessions_.erase(std::string(client_id));
}

void leftovers::arm() {
    if (timer_ || times_.empty()) return;
    const int64_t in = times_.begin()->first - static_cast<int64_t>(proxy_.here.wall_ms());
    timer_ = proxy_.here.timer_in_ms(
        static_cast<uint64_t>(std::clamp<int64_t>(in, 0, leftovers_timer_ms_max)),
        call<&leftovers::on_timer>, this);
}

void leftovers::on_timer() {
    timer_ = 0;
    if (!started_) return start();
    const auto now = static_cast<int64_t>(proxy_.here.wall_ms());
    // A bounded part of them at a time: after a long pause they may be many.
    constexpr int ended_at_a_time = 256;
    for (int i = 0; i < ended_at_a_time && !times_.empty() && times_.begin()->first <= now; ++i) {
        const std::string id = std::move(times_.begin()->second);
        times_.erase(times_.begin());
        const auto found = sessions_.find(id);
        if (found == sessions_.end()) continue;  // claimed, or ended by its owner
        const int64_t epoch = found->second.epoch;
        sessions_.erase(found);
        // A will that waits stays: the next claim sends it.
        for (const auto k : {session_key::state, session_key::inflight, session_key::offsets,
                             session_key::expiry, session_key::owner})
            proxy_.store.clear(id, k, epoch);
    }
    arm();
}

}  // namespace weft::mqtt_kafka
