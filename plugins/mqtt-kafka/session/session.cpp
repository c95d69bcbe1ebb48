#include "session/session.hpp"

#include "proxy.hpp"

#include <algorithm>

namespace weft::mqtt_kafka {

session::session(proxy& p, stream s, const meta_view<weft_mqtt_begin>& begin, uint64_t auth)
    : clean_start_(begin->flags & WEFT_MQTT_CLEAN_START),
      version_(begin->version),
      stream_(s),
      rights_(p.config.table.guarded() ? p.config.table.rights_of(session_of(p.here, auth)) : 0),
      auth_(auth),
      nonce_(p.store.me.next_nonce()),
      expiry_s_(begin->session_expiry_s) {
    if (begin->flags & WEFT_MQTT_WILL) will_ = std::make_unique<own_will>();
    const auto name = begin.text(begin->client_id);
    auto* copy = new char[name.size()];
    std::copy(name.begin(), name.end(), copy);
    id = copy;
    id_size = static_cast<uint32_t>(name.size());
    home = &p.home;
    // 0 would be a protocol error that mqtt refuses (MQTT 5, 3.1.2.11.3); the client could take
    // nothing then.
    receive_max_ = std::min(std::max<uint16_t>(begin->receive_max, 1), p.config.limit.inflight_max);
    // A v3.1.1 client cannot say how long, only "persistent".
    if (version_ < WEFT_MQTT_V5)
        expiry_s_ = std::min(expiry_s_, p.config.limit.v311_session_expiry_s);
}

session::~session() {
    stop_timer();
    passing_.reset();
    owner().registry.leave(*this);
    owner().store.remove(*this);
    delete[] id;
}

void session::give_up() {
    // A stored session whose topics are not there keeps its subscriptions for the next time.
    if (state_ < state::accepted || (subscriber_ && subscriber_->restoring())) {
        const refusal why{
            reason::server_unavailable,
            first_ ? owner().missing() : "an earlier connection of this client id is not done yet"};
        owner().events.emit(WEFT_WARN, "binding.mqtt.kafka.session.refused", {},
                            "Client (" + std::string(client_id()) + ") refused: " + why.text);
        return end_client(why);
    }
    if (subscriber_) subscriber_->give_up();
    retry();
}

void session::on_access() {
    owner().publish.on_access(*this);
    if (state_ == state::loading)
        continue_if_loaded();
    else if (open())
        retry();
}

void session::wait() {
    owner().wait(*this);
}

void session::end_client(const refusal& why) {
    if (!open()) return;
    close_stream(why);
    leave(false);
}

void session::close_stream(const refusal& why) {
    meta_writer<weft_mqtt_reset> m;
    m->reason = why.code;
    if (!why.text.empty()) m->reason_string = m.text(why.text);
    stream_.reset(m.get());
    stream_.abort(m.get());
}

void session::on_closed(stream) {
    leave(false);
    stream_ = {};
    owner().gone(*this);
}

void session::on_data(stream, const weft_data& d) {
    if (!open()) return;
    if (will_ && will_->message.lifetime_id.empty()) return take_will(d);
    if (state_ == state::accepted) owner().publish.on_data(*this, d);
}

void session::on_flush(stream, const weft_flush& f) {
    if (!open()) return;
    if (const meta_view<weft_mqtt_ack> ack(f.h.meta); ack) {
        if (ack->type == pubrel_type)
            owner().publish.on_pubrel(*this, ack->packet_id);
        else if (subscriber_)
            subscriber_->on_ack(ack->type, ack->packet_id, ack->reason);
        else if (ack->type == pubrec_type)
            send_ack(pubrel_type, ack->packet_id, {reason::packet_id_not_found, {}});
        return;
    }
    if (const meta_view<weft_mqtt_subscribe> m(f.h.meta); m)
        want_subscriber().on_subscribe(m);
    else if (const meta_view<weft_mqtt_unsubscribe> u(f.h.meta); u)
        want_subscriber().on_unsubscribe(u);
    else
        return;
    retry();
}

void session::on_window(stream, const weft_window& w) {
    window_max_ = w.maximum;
    if (subscriber_) subscriber_->on_window(w.maximum);
}

void session::send_ack(uint8_t packet_type, uint16_t packet_id, const refusal& why) {
    if (state_ != state::accepted) return;
    meta_writer<weft_mqtt_ack> m;
    m->type = packet_type;
    m->packet_id = packet_id;
    m->reason = why.code;
    if (!why.text.empty()) m->reason_string = m.text(why.text);
    stream_.flush(m.get());
}

subscriber& session::want_subscriber() {
    if (!subscriber_)
        subscriber_ =
            std::make_unique<subscriber>(owner(), *this, stream_, receive_max_, window_max_);
    return *subscriber_;
}

qos2_in& session::received() {
    if (!qos2_) qos2_ = std::make_unique<qos2_in>(epoch_);
    return *qos2_;
}

void session::changed(session_key key) {
    if (!durable()) return;
    dirty_ |= bit(key);
    owner().flush_later(*this);
}

void session::changed_lazily() {
    if (durable()) owner().flush_lazily(*this);
}

// One record per key and wake-up; while one is under way the next waits for its answer.
void session::flush_records() {
    if (state_ != state::accepted) return;
    const auto due = [&](session_key k) { return (dirty_ & bit(k)) && !(writing_ & bit(k)); };
    if (due(session_key::inflight) && subscriber_ && !subscriber_->restoring())
        put(session_key::inflight, encode(subscriber_->write_inflight()));
    if (due(session_key::state))
        put(session_key::state, encode(subscriber_ ? subscriber_->state() : session_state{}));
    if (due(session_key::offsets) && qos2_) put(session_key::offsets, encode(qos2_->write(false)));
}

// Values go out whole; an earlier write of the key is overtaken by none that comes later.
void session::put(session_key key, std::optional<std::string_view> value,
                  std::string_view lifetime_id, bool last_word) {
    if (fenced_) return;
    owner().store.write(*this, key, value, lifetime_id,
                        last_word);  // throws when there is no memory
    dirty_ &= static_cast<uint8_t>(~bit(key));
    writing_ |= bit(key);
    ++unanswered_;
    if (value)
        stored_ |= bit(key);
    else
        stored_ &= static_cast<uint8_t>(~bit(key));
}

void session::on_written(session_key key, const refusal& why) {
    writing_ &= static_cast<uint8_t>(~bit(key));
    --unanswered_;
    if (!open()) return on_settled();
    if (why) {
        const refusal failed{why.code, "session state could not be written: " + why.text};
        return end_client(failed);
    }
    // The claim is answered by its record, which may come before or after Kafka's answer.
    if (key == session_key::owner) return;
    if (state_ == state::preparing && passing_->preparing > 0 && --passing_->preparing == 0)
        return accept();
    if (state_ != state::accepted) return;
    if (key == session_key::inflight && subscriber_) subscriber_->on_inflight_written();
    if (key == session_key::offsets && qos2_) owner().publish.on_offsets_written(*this);
    if (dirty_ & bit(key)) owner().flush_later(*this);
    if (state_ == state::accepted && settled(session_key::state) &&
        settled(session_key::inflight) && subscriber_)
        retry();
}

// A record of an owner before us came late: compaction would keep it in place of ours, so ours is
// written again behind it.
void session::on_epoch(session_key key, int64_t epoch, int64_t offset) {
    if (epoch >= epoch_ || offset <= epoch_) return;
    if (state_ == state::preparing) passing_->late |= bit(key);
    if (state_ != state::accepted && state_ != state::away) return;
    write_again(key);
}

void session::write_again(session_key key) {
    switch (key) {
        case session_key::state:
        case session_key::inflight:
        case session_key::offsets:
            if (durable() && (stored_ & bit(key)))
                changed(key);
            else
                put(key, std::nullopt);
            break;
        case session_key::expiry:
            if (state_ == state::away)
                put(key, expiry_signal(static_cast<int64_t>(passing_->expire_at)));
            else if (stored_ & bit(key))
                put(key, expiry_signal(-1));
            else
                put(key, std::nullopt);
            break;
        case session_key::will:
            if (will_ && will_->stored)
                put(key, will_signal(will_->at ? static_cast<int64_t>(will_->at) : -1));
            else
                put(key, std::nullopt);
            break;
        case session_key::will_message:  // under an id of its own: nothing of ours is overwritten
        case session_key::owner:
            break;
    }
}

}  // namespace weft::mqtt_kafka
