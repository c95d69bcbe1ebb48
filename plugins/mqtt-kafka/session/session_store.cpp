#include "session/session_store.hpp"

#include "proxy.hpp"
#include "session/state/records.hpp"

#include <cstring>

namespace weft::mqtt_kafka {

namespace {

constexpr uint32_t gap_retry_ms = 200;
constexpr std::string_view type_header = "type";

std::string_view type_of(session_key k) {
    switch (k) {
        case session_key::owner:
            return "owner";
        case session_key::will:
            return "will-signal";
        case session_key::expiry:
            return "expiry-signal";
        default:
            return {};
    }
}

std::string text_of_payload(const weft_data& data) {
    std::string out;
    for (const auto& s : slices(data)) out += text_of(s);
    return out;
}

}  // namespace

owner_mark mark_of(const meta_view<weft_kafka_record>& record) {
    owner_mark out;
    for (const weft_pair& h : record.list<weft_pair>(record->headers)) {
        const std::string_view name = record.text(h.name);
        if (name == epoch_header)
            out.epoch = epoch_of(record.text(h.value));
        else if (name == left_header)
            out.left = true;
    }
    return out;
}

session_store::session_store(proxy& p) : left(p), proxy_(p) {}

session_store::~session_store() {
    if (gap_) gap_->close();
    if (gap_timer_) proxy_.here.cancel(gap_timer_);
}

bool session_store::live() const {
    return topic_->tail() && topic_->tail()->live();
}

void session_store::remove(session& s) {
    sessions_.remove(s);
    if (!s.has_writes()) return;
    for (auto& [token, w] : writes_)
        if (w.who == &s) w.who = nullptr;
}

void session_store::write(session& s, session_key key, std::optional<std::string_view> value,
                          std::string_view lifetime_id, bool last_word) {
    submit(&s, key, s.client_id(), value, s.epoch(), lifetime_id, last_word);
}

void session_store::clear(std::string_view client_id, session_key key, int64_t epoch,
                          std::string_view lifetime_id) {
    submit(nullptr, key, client_id, std::nullopt, epoch, lifetime_id, false);
}

void session_store::submit(session* who, session_key key, std::string_view client_id,
                           std::optional<std::string_view> value, int64_t epoch,
                           std::string_view lifetime_id, bool last_word) {
    const uint64_t token = ++last_ | token_bit;
    auto& b = block_;
    b.clear();
    const auto type = type_of(key);
    const bool fenced = epoch >= 0;  // a claim is what makes an epoch: it has none
    const weft_ref headers =
        b.list<weft_pair>(size_t{!type.empty()} + size_t{fenced} + size_t{last_word});
    size_t at = 0;
    if (!type.empty()) b.put_pair(headers, at++, type_header, type);
    if (fenced) b.put_pair(headers, at++, epoch_header, epoch_bytes(epoch));
    if (last_word) b.put_pair(headers, at++, left_header, "1");
    b->headers = headers;
    b->token = token;
    b->key = b.text(key_of(key, client_id, lifetime_id));
    b->hash_key = b.text(client_id);
    b->partition = -1;
    b->timestamp_ms = static_cast<int64_t>(proxy_.here.wall_ms());
    if (!value) b->flags = WEFT_KAFKA_NULL_VALUE;

    staged_record record;
    const weft_meta* meta = b.get();
    record.block.resize((meta->size + 7) / 8);
    std::memcpy(record.block.data(), meta, meta->size);
    if (value && !value->empty()) {
        uint8_t* bytes = nullptr;
        chunk c = proxy_.here.alloc(static_cast<uint32_t>(value->size()), bytes);
        if (!bytes) throw std::bad_alloc();
        std::memcpy(bytes, value->data(), value->size());
        c.truncate(static_cast<uint32_t>(value->size()));
        record.payload.push_back(std::move(c));
        record.size = static_cast<uint32_t>(value->size());
    }
    staged_record to_send = record.with(record.meta());
    writes_.emplace(token, pending_write{std::move(record), who, key});
    proxy_.topics.want_producer(*topic_).submit(token, std::move(to_send));
}

void session_store::on_produced(uint64_t token, const produce_answer& answer) {
    const auto found = writes_.find(token);
    if (found == writes_.end()) return;
    session* who = found->second.who;
    const session_key key = found->second.key;
    writes_.erase(found);
    if (who)
        who->on_written(key, refusal_of_kafka_error(answer.error, topic_->name(), answer.text));
    proxy_.publish_answered();
}

// Whether Kafka has them is not known. Values are whole, so writing one twice does no harm; the
// order is kept, for keys of one client as well.
void session_store::on_produce_lost() {
    auto& link = *topic_->producer();
    link.take_waiting();
    for (auto& [token, w] : writes_) link.submit(token, w.record.with(w.record.meta()));
}

void session_store::on_record(const meta_view<weft_kafka_record>& record, const weft_data& data) {
    const auto key = split(record.text(record->key));
    if (!key) return;
    if (!left.empty()) left.forget(key->client_id);
    if (!sessions_.contains(key->client_id)) return;
    if (key->key == session_key::owner) {
        if (!(record->flags & WEFT_KAFKA_NULL_VALUE))
            on_claim(key->client_id, record, text_of_payload(data));
        return;
    }
    const owner_mark mark = mark_of(record);
    if (!mark.epoch) return;
    for (session* s : sessions_.of(key->client_id)) {
        s->on_epoch(key->key, *mark.epoch, record->offset);
        if (mark.left && key->key == session_key::inflight)
            s->on_left(*mark.epoch, record->offset, text_of_payload(data), record->timestamp_ms);
    }
}

void session_store::on_claim(std::string_view client_id, const meta_view<weft_kafka_record>& record,
                             const std::string& value) {
    owner_claim claim;
    // A claim of a newer program in a form of its own is a claim.
    const bool known = decode(value, claim) == decoded::ok;
    const bool here = known && claim.instance == me.id();
    for (session* s : sessions_.of(client_id)) {
        if (here && claim.nonce == s->nonce())
            s->on_claimed(record->partition, record->offset);
        else
            s->on_other_claim(record->offset);
    }
}

void session_store::on_tail_gap(const std::vector<partition_next>& before) {
    for (const auto& p : before) {
        const int64_t now = topic_->tail()->position(p.partition);
        if (p.next < now) gap_places_.push_back({p.next, now, p.partition, 0});
    }
    if (!gap_) read_gap();
}

void session_store::read_gap() {
    gap_timer_ = 0;
    if (gap_places_.empty()) return;
    history_query q;
    q.exit = topic_->exit();
    q.topic = topic_->name();
    q.positions = gap_places_;
    gap_reading_ = gap_places_.size();
    gap_ = history_reader::open(proxy_.here, q, *this);
}

void session_store::on_history_record(const meta_view<weft_kafka_record>& record,
                                      const weft_data& data) {
    on_record(record, data);
}

void session_store::on_history_end() {
    gap_ = nullptr;
    gap_places_.erase(gap_places_.begin(),
                      gap_places_.begin() + static_cast<ptrdiff_t>(gap_reading_));
    read_gap();
}

void session_store::on_history_lost() {
    gap_ = nullptr;
    gap_timer_ = proxy_.here.timer_in_ms(gap_retry_ms, call<&session_store::read_gap>, this);
}

}  // namespace weft::mqtt_kafka
