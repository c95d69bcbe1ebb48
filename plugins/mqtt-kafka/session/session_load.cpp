#include "session/session_load.hpp"

#include "mapping/record_decoder.hpp"
#include "proxy.hpp"

#include <algorithm>

namespace weft::mqtt_kafka {

namespace {
constexpr uint32_t load_retry_ms = 200;
}

session_load::session_load(proxy& p, session& s, int32_t partition, int64_t claim)
    : proxy_(p), session_(s), claim_(claim), partition_(partition) {}

session_load::~session_load() {
    if (reader_) reader_->close();
    if (retry_timer_) proxy_.here.cancel(retry_timer_);
    if (in_line_) proxy_.load_slots.leave_line(*this);
    if (has_slot_) proxy_.release_slot(proxy_.load_slots, *this);
}

void session_load::start() {
    if (!proxy_.load_slots.acquire(*this)) {
        in_line_ = true;
        return;
    }
    has_slot_ = true;
    read();
}

void session_load::on_slot() {
    in_line_ = false;
    has_slot_ = true;
    read();
}

// Goes on with the next phase that has something to read.
void session_load::read() {
    if (phase_ == phase::keys) return read_keys();
    if (phase_ == phase::will && read_will()) return;
    phase_ = phase::publishes;
    if (read_publishes()) return;
    proxy_.release_slot(proxy_.load_slots, *this);
    has_slot_ = false;
    session_.on_loaded(out_);  // frees this
}

void session_load::read_keys() {
    std::vector<std::string> keys;
    for (const auto k : {session_key::state, session_key::owner, session_key::offsets,
                         session_key::inflight, session_key::will, session_key::expiry})
        keys.push_back(key_of(k, session_.client_id()));
    read_newest(std::move(keys));
}

void session_load::read_newest(std::vector<std::string> keys) {
    history_query q;
    q.exit = proxy_.store.topic().exit();
    q.topic = proxy_.store.topic().name();
    q.newest_per_key = true;
    q.positions.push_back({WEFT_KAFKA_OFFSET_BEGIN, claim_, partition_, 0});
    q.keys = std::move(keys);
    reader_ = history_reader::open(proxy_.here, q, *this);
}

bool session_load::read_will() {
    session_signal signal;
    if (!out_.will || decode(*out_.will, signal) != decoded::ok) return false;
    read_newest({key_of(session_key::will_message, session_.client_id(), signal.lifetime_id)});
    return true;
}

bool session_load::read_publishes() {
    for (; !topics_.empty(); topics_.pop_back()) {
        const kafka_topic* topic = proxy_.topic_named(topics_.back());
        if (!topic) continue;
        history_query q;
        q.exit = topic->exit();
        q.topic = topic->name();
        for (const auto& p : out_.qos2.partitions)
            if (p.topic == topic->name() && p.position >= 0)
                q.positions.push_back({p.position, -1, p.id, 0});
        reader_ = history_reader::open(proxy_.here, q, *this);
        return true;
    }
    return false;
}

void session_load::on_history_record(const meta_view<weft_kafka_record>& record,
                                     const weft_data& data) {
    if (phase_ == phase::publishes) return take_publish(record);
    std::string value;
    for (const auto& s : slices(data)) value += text_of(s);
    take_key(record, std::move(value));
}

void session_load::take_key(const meta_view<weft_kafka_record>& record, std::string value) {
    const auto k = split(record.text(record->key));
    if (!k) return;
    switch (k->key) {
        case session_key::state:
            out_.state = std::move(value);
            break;
        case session_key::offsets: {
            const auto result = decode(value, out_.qos2);
            out_.newer_version |= result == decoded::unknown_version;
            if (result == decoded::ok) out_.offsets = std::move(value);
            break;
        }
        case session_key::inflight: {
            out_.inflight = std::move(value);
            out_.inflight_ms = record->timestamp_ms;
            const owner_mark mark = mark_of(record);
            if (mark.left && mark.epoch) out_.left_epoch = std::max(out_.left_epoch, *mark.epoch);
            break;
        }
        case session_key::will:
            out_.will = std::move(value);
            break;
        case session_key::will_message:
            out_.will_message = std::move(value);
            break;
        case session_key::expiry:
            out_.expiry = std::move(value);
            break;
        case session_key::owner:
            take_owner(record, value);
            break;
    }
}

void session_load::take_owner(const meta_view<weft_kafka_record>& record, std::string_view value) {
    owner_claim c;
    out_.owner = decode(value, c) == decoded::ok ? std::move(c.instance) : std::string();
    out_.owner_epoch = record->offset;
}

void session_load::take_publish(const meta_view<weft_kafka_record>& record) {
    decoded_record d;
    decode_record(record, d);
    if (!d.qos2 || d.publisher != session_.client_id()) return;
    out_.published.push_back(
        {topics_.back(), record->partition, record->offset, d.qos2->packet_id, d.qos2->number});
}

void session_load::on_history_end() {
    reader_ = nullptr;
    switch (phase_) {
        case phase::keys:
            phase_ = phase::will;
            for (const auto& p : out_.qos2.partitions)
                if (p.position >= 0 &&
                    std::find(topics_.begin(), topics_.end(), p.topic) == topics_.end())
                    topics_.push_back(p.topic);
            break;
        case phase::will:
            phase_ = phase::publishes;
            break;
        case phase::publishes:
            topics_.pop_back();
            break;
    }
    read();
}

// What was read of this part is read again.
void session_load::on_history_lost() {
    reader_ = nullptr;
    if (phase_ == phase::publishes)
        std::erase_if(out_.published, [&](const auto& p) { return p.topic == topics_.back(); });
    retry_timer_ = proxy_.here.timer_in_ms(load_retry_ms, call<&session_load::retry>, this);
}

void session_load::retry() {
    retry_timer_ = 0;
    read();
}

}  // namespace weft::mqtt_kafka
