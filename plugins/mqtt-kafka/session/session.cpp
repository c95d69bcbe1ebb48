#include "session/session.hpp"

#include "proxy.hpp"

#include <algorithm>
#include <cstring>

namespace weft::mqtt_kafka {

session::session(proxy& p, stream s, const meta_view<weft_mqtt_begin>& begin)
    : proxy_(p), stream_(s) {
    const auto name = begin.text(begin->client_id);
    id_ = std::make_unique<char[]>(name.size());
    if (!name.empty()) std::memcpy(id_.get(), name.data(), name.size());
    id = id_.get();
    id_size = name.size();
    home = &p.home;
    // 0 would be a protocol error that mqtt refuses (MQTT 5, 3.1.2.11.3); the client could take
    // nothing then.
    receive_max_ = std::min(std::max<uint16_t>(begin->receive_max, 1), p.config.limit.inflight_max);
}

session::~session() {
    proxy_.registry.release(*this);
}

void session::start() {
    proxy_.registry.claim(*this);
    retry();
}

void session::retry() {
    if (state_ == state::waiting) {
        refusal why;
        switch (proxy_.admission(why)) {
            case proxy::admission_result::now:
                accept();
                break;
            case proxy::admission_result::refused:
                return end_client(why);
            case proxy::admission_result::later:
                return wait();
        }
    }
    if (subscriber_ && !subscriber_->process())
        wait();
    else
        proxy_.stop_waiting(*this);
}

void session::give_up() {
    if (state_ == state::waiting) {
        const refusal why{reason::server_unavailable, proxy_.missing()};
        proxy_.events.emit(WEFT_WARN, "binding.mqtt.kafka.session.refused", {},
                           "Client (" + std::string(client_id()) + ") refused: " + why.text);
        return end_client(why);
    }
    if (subscriber_) subscriber_->give_up();
    retry();
}

void session::wait() {
    proxy_.wait(*this);
}

void session::accept() {
    state_ = state::accepted;
    meta_writer<weft_mqtt_begin> m;
    m->qos_max = proxy_.config.publish_qos_max;
    m->capabilities =
        WEFT_MQTT_CAP_RETAIN | WEFT_MQTT_CAP_WILDCARD | WEFT_MQTT_CAP_SUBSCRIPTION_IDS;
    m->receive_max = proxy_.config.limit.receive_max;
    m->session_expiry_s = 0;  // sessions end with their connection; neither is one ever present
    stream_.begin(m.get());
    proxy_.publish.welcome(*this);
}

void session::end_client(const refusal& why) {
    if (!open()) return;
    meta_writer<weft_mqtt_reset> m;
    m->reason = why.code;
    if (!why.text.empty()) m->reason_string = m.text(why.text);
    stream_.reset(m.get());
    stream_.abort(m.get());
    close();
}

// Both directions are ended whatever way it came about; on_closed follows.
void session::close() {
    if (!open()) return;
    state_ = state::closed;
    stream_.end();
    stream_.reset();
    proxy_.stop_waiting(*this);
    proxy_.registry.release(*this);
    subscriber_.reset();
}

void session::on_closed(stream) {
    close();
    stream_ = {};
    proxy_.gone(*this);
}

void session::on_data(stream, const weft_data& d) {
    if (state_ == state::accepted) proxy_.publish.on_data(*this, d);
}

void session::on_flush(stream, const weft_flush& f) {
    if (!open()) return;
    if (const meta_view<weft_mqtt_ack> ack(f.h.meta); ack) {
        if (ack->type == puback_type && subscriber_) subscriber_->on_ack(ack->packet_id);
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
            std::make_unique<subscriber>(proxy_, *this, stream_, receive_max_, window_max_);
    return *subscriber_;
}

}  // namespace weft::mqtt_kafka
