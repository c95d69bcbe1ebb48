// To the client: deliveries, acknowledgements of its publishes, and the outbox they leave by.
#include "connection.hpp"

#include "encoder.hpp"

#include <cstring>

namespace weft::mqtt {

namespace {

// A provider is another plugin: lengths that no packet can have must not become a broken stream.
bool encodable(const meta_view<weft_mqtt_publish>& m, uint64_t payload) {
    constexpr uint32_t text_max = 65'535;
    if (m->topic.len > text_max || m->content_type.len > text_max ||
        m->response_topic.len > text_max || m->correlation.len > text_max)
        return false;
    for (const auto& u : m.list<weft_pair>(m->properties))
        if (u.name.len > text_max || u.value.len > text_max) return false;
    return m->qos <= 2 && payload + m->m.size <= varint_max;
}

}  // namespace

void connection::on_delivery(const weft_data& d) {
    if (state_ != state::connected) return;
    ungranted_bytes_ += d.reserved;
    if (d.h.flags & WEFT_INIT) {
        const meta_view<weft_mqtt_publish> m(d.h.meta);
        if (!m || mid_delivery_)
            return close(reason::implementation_specific_error,
                         "the exit sent a delivery out of order");
        start_delivery(d, m);
    } else if (mid_delivery_) {
        for (const auto& s : slices(d)) queue(s);
    }
    if (state_ == state::connected && (d.h.flags & (WEFT_FIN | WEFT_INCOMPLETE)))
        finish_delivery(d);
    if (state_ == state::connected && !outbox_) grant_deliveries();  // nothing of it is held
}

void connection::start_delivery(const weft_data& d, const meta_view<weft_mqtt_publish>& m) {
    packet& p = server_.out;
    p.reset(packet_type::publish, version());
    p.packet_id = m->packet_id;
    p.publish.qos = m->qos;
    p.publish.dup = (m->flags & WEFT_MQTT_DUP) != 0;
    p.publish.retain = (m->flags & WEFT_MQTT_RETAIN) != 0;
    p.publish.topic = m.text(m->topic);
    const auto here = static_cast<uint32_t>(payload_size(d));
    const uint64_t whole = uint64_t{here} + m->deferred;
    if (version() == version_5) fill_properties(m);
    const bool complete = (d.h.flags & WEFT_FIN) != 0;
    if (!encodable(m, whole)) {
        skipping_ = !complete;
        return drop_delivery(*m);
    }

    p.publish.payload_size = static_cast<uint32_t>(whole);
    const auto alias = extras_ && extras_->aliases_out
                           ? extras_->aliases_out->choose(p.publish.topic)
                           : topic_aliases::choice{};
    const std::string_view topic = p.publish.topic;
    if (alias.alias != 0) p.props.set(property::topic_alias, uint32_t{alias.alias});
    if (alias.known) p.publish.topic = {};
    uint32_t size = encoded_size(p);
    bool new_alias = alias.alias != 0 && !alias.known;
    if (size > packet_size_max_ && new_alias) {  // not at the price of the packet
        p.props.drop(property::topic_alias);
        new_alias = false;
        size = encoded_size(p);
    }
    if (size > packet_size_max_ || (complete && (d.h.flags & WEFT_INCOMPLETE))) {
        skipping_ = !complete;
        return drop_delivery(*m);
    }
    // A small payload is copied behind its header.
    const uint32_t head = size - p.publish.payload_size;
    const uint32_t inlined = here <= limits::inline_payload_bytes_max ? here : 0;
    uint8_t* to = nullptr;
    const weft_slice s = server_.bytes.take(head + inlined, to);
    if (!to) return out_of_memory();
    to = encode(p, to);
    if (inlined != 0)
        for (const auto& piece : slices(d)) {
            std::memcpy(to, piece.data, piece.len);
            to += piece.len;
        }
    if (new_alias) extras_->aliases_out->sent(topic);
    mid_delivery_ = !complete;
    queue(s);
    if (inlined == 0)
        for (const auto& piece : slices(d)) queue(piece);
    server_.sent.add();
}

void connection::fill_properties(const meta_view<weft_mqtt_publish>& m) {
    auto& props = server_.out.props;
    const auto text = [&](property name, weft_ref r) {
        if (m.has(r)) props.set(name, m.text(r));
    };
    if (m->format != WEFT_MQTT_FORMAT_NONE)
        props.set(property::payload_format, uint32_t{m->format});
    if (m->flags & WEFT_MQTT_HAS_EXPIRY) props.set(property::message_expiry, m->expiry_s);
    text(property::content_type, m->content_type);
    text(property::response_topic, m->response_topic);
    text(property::correlation_data, m->correlation);
    auto& block = server_.repeated;
    block.clear();
    for (const uint32_t id : m.list<uint32_t>(m->subscription_ids))
        append_subscription_id(block, id);
    for (const auto& u : m.list<weft_pair>(m->properties))
        append_user(block, m.text(u.name), m.text(u.value));
    props.set_repeated(block);
}

// [MQTT-3.1.2-25]: what is larger than the client takes is discarded as if it had been sent, so the
// provider is told that it is done.
void connection::drop_delivery(const weft_mqtt_publish& m) {
    server_.dropped.add();
    if (m.qos == 0) return;
    meta_writer<weft_mqtt_ack> ack;
    ack->type = static_cast<uint8_t>(m.qos == 1 ? packet_type::puback : packet_type::pubrec);
    ack->reason = static_cast<uint8_t>(reason::packet_too_large);
    ack->packet_id = m.packet_id;
    session_.flush(ack.get(), server_.trace);
}

void connection::finish_delivery(const weft_data& d) {
    skipping_ = false;
    if (!mid_delivery_) return;
    // The packet is on its way in part and can be neither ended nor taken back.
    if (d.h.flags & WEFT_INCOMPLETE)
        return close(reason::unspecified_error, "a delivery broke off");
    mid_delivery_ = false;
    if (!extras_ || extras_->held.empty()) return;
    const auto held = std::exchange(extras_->held, {});
    uint8_t* to = nullptr;
    const weft_slice s = server_.bytes.take(static_cast<uint32_t>(held.size()), to);
    if (!to) return out_of_memory();
    std::memcpy(to, held.data(), held.size());
    queue(s);
}

void connection::on_provider_ack(const weft_flush& f) {
    const meta_view<weft_mqtt_ack> m(f.h.meta);
    const auto type = static_cast<packet_type>(m->type);
    if (type < packet_type::puback || type > packet_type::pubcomp) return;
    const auto code = static_cast<reason>(m->reason);
    if (type != packet_type::pubrel && !settle(type, m->packet_id, code)) {
        server_.report(server_.exit_events, WEFT_ERROR, "binding.mqtt.exit.fault",
                       "The exit acknowledged a publish of client id (" + std::string(client_id()) +
                           ") that is not in flight: " + describe(type) + " " +
                           std::to_string(m->packet_id) + ".");
        return;
    }
    if (failed(code) && version() != version_5 &&
        (type == packet_type::puback || type == packet_type::pubrec))
        return close(code, m.text(m->reason_string));  // v3.1.1 has no other way to say no
    packet& p = server_.out;
    p.reset(type, version());
    p.packet_id = m->packet_id;
    p.code = allowed(type, role::server, code) ? code : reason::unspecified_error;
    if (reason_strings()) set_reason_string(p, m.text(m->reason_string));
    send(p);
    if (unread()) resume();
}

// The provider's answer to a publish: what it ends frees its packet id and its part of the quota
// (4.9: PUBACK, PUBCOMP, and a PUBREC that refuses). False when no such answer is due.
bool connection::settle(packet_type type, uint16_t id, reason code) {
    auto* e = inflight_.find(id);
    if (!e) return false;
    switch (type) {
        case packet_type::puback:
            if (e->is != publish_state::sent_1) return false;
            break;
        case packet_type::pubrec:
            if (e->is != publish_state::sent_2) return false;
            if (failed(code)) break;
            inflight_.move(*e, publish_state::received);
            return true;
        default:
            if (e->is != publish_state::releasing && e->is != publish_state::resumed) return false;
    }
    inflight_.remove(*e);
    return true;
}

void connection::set_reason_string(packet& p, std::string_view text) {
    const auto fitting = fit_mqtt_string(text, limits::reason_string_bytes_max);
    if (!fitting.empty()) p.props.set(property::reason_string, fitting);
}

bool connection::send(packet& p) {
    uint32_t size = encoded_size(p);
    if (size >
        packet_size_max_) {  // 3.4.2.2.2 and its likes: not at the price of the client's maximum
        p.props.drop(property::reason_string);
        p.props.set_repeated({});
        size = encoded_size(p);
    }
    if (size > packet_size_max_) {
        if (p.type != packet_type::disconnect && p.type != packet_type::connack)
            close(reason::packet_too_large,
                  "the answer is larger than the client's maximum packet size");
        return false;
    }
    if (mid_delivery_) {
        auto& held = want_extras().held;
        held.resize(held.size() + size);
        encode(p, held.data() + held.size() - size);
        return true;
    }
    uint8_t* to = nullptr;
    const weft_slice s = server_.bytes.take(size, to);
    if (!to) {
        out_of_memory();
        return false;
    }
    encode(p, to);
    queue(s);
    return true;
}

void connection::queue(const weft_slice& s) {
    if (!outbox_) outbox_ = server_.take_outbox();
    outbox_->push(s);
    server_.flush_later(*this);
}

void connection::flush() {
    if (left_ || !net_) return;
    if (outbox_) {
        outbox_->flush(net_);
        if (outbox_->empty()) server_.give_back(std::move(outbox_));
    }
    if (state_ == state::closing) {
        if (outbox_) return;
        left_ = true;
        net_.end();
        net_.reset();
        return;
    }
    if (outbox_ && outbox_->bytes() > limits::outbox_bytes_max) {
        report_fault(reason::quota_exceeded, "too much waits for a client that does not read");
        return lost();
    }
    if (!outbox_) grant_deliveries();
    if (unread()) resume();
}

void connection::grant_deliveries() {
    if (state_ != state::connected || ungranted_bytes_ == 0) return;
    ungranted_bytes_ = 0;
    session_.window(limits::delivery_window_bytes, 0, limits::delivery_padding);
}

}  // namespace weft::mqtt
