// From the client: PUBLISH up to the session stream, and acknowledgements of deliveries.
#include "connection.hpp"
#include "topic.hpp"
#include "user_properties.hpp"

#include <array>
#include <cstring>

namespace weft::mqtt {

namespace {

weft_slice part_of(const weft_slice& source, bytes b) {
    return {source.owner, b.data(), static_cast<uint32_t>(b.size()), source.flags};
}

bool fits(stream s, uint32_t n) {
    return s.credit() >= uint64_t{n} + s.padding();
}

}  // namespace

violation connection::check_publish(const packet& p) {
    const auto& m = p.publish;
    if (m.qos > qos_max_)
        return {reason::qos_not_supported, "QoS above the maximum QoS"};  // [MQTT-3.2.2-11]
    if (m.retain && (capabilities_ & WEFT_MQTT_CAP_RETAIN) == 0)
        return {reason::retain_not_supported,
                "retained messages are not available"};  // [MQTT-3.2.2-14]
    return {};
}

// A packet id that is in use. True when the publish must not go on: it was answered, or will be by
// the answer that is still due.
bool connection::is_repeated(const packet& p) {
    const auto* e = inflight_.find(p.packet_id);
    if (!e) return false;
    const auto& m = p.publish;
    discarding_ = m.payload_left != 0;
    if (m.qos == 2 && e->is == publish_state::received &&
        (m.dup || version() != version_5)) {  // [MQTT-4.3.3-10], 3.1.1 [MQTT-4.3.3-2]
        answer_publish(packet_type::pubrec, p.packet_id, reason::success);
        return true;
    }
    if (m.dup && e->is == sent(m.qos)) return true;
    if (version() != version_5) {  // 3.1.1 [MQTT-2.3.1-2], which it can only be told by closing
        close(protocol_error("packet id of a publish that is not acknowledged"));
        return true;
    }
    refuse_publish(m.qos, p.packet_id, m.payload_left, reason::packet_identifier_in_use);
    return true;
}

void connection::answer_publish(packet_type t, uint16_t packet_id, reason code) {
    packet& p = server_.out;
    p.reset(t, version());
    p.packet_id = packet_id;
    p.code = code;
    send(p);
}

// 3.3.2.3.4: an alias with a topic is a new mapping, without one it stands for the topic mapped
// last.
violation connection::resolve_alias(const packet& p, std::string_view& topic) {
    topic = p.publish.topic;
    const uint32_t alias = p.props.number(property::topic_alias, 0);
    if (alias == 0) return {};
    if (alias > server_.config.topic_alias_maximum)
        return {reason::topic_alias_invalid, "topic alias above the topic alias maximum"};
    if (!topic.empty()) {
        auto& known = want_extras().aliases;
        if (known.size() < alias) known.resize(alias);
        known[alias - 1] = topic;
        return {};
    }
    if (!extras_ || extras_->aliases.size() < alias || extras_->aliases[alias - 1].empty())
        return protocol_error("topic alias without a topic mapped to it");
    topic = extras_->aliases[alias - 1];
    return {};
}

void connection::on_publish(const weft_slice& source) {
    const packet& p = server_.in;
    std::string_view topic;
    if (const violation f = check_publish(p)) return close(f);
    if (const violation f = resolve_alias(p, topic)) return close(f);
    if (p.publish.qos != 0) {
        if (is_repeated(p)) return;
        if (version() == version_5 && inflight_.quota_used() >= receive_max_)  // 3.3.4
            return close(reason::receive_maximum_exceeded,
                         "more publishes in flight than the receive maximum");
    }
    server_.received.add();
    const settings& c = server_.config;
    if (c.publish_rate_max != 0 &&
        !want_extras().publish_rate.admit(c.publish_rate_max, server_.now_tick()))
        return close(reason::message_rate_too_high, "more publishes per second than allowed");
    if (topic.size() >= c.topic_levels_max && topic_levels(topic) > c.topic_levels_max)
        return refuse_publish(p.publish.qos, p.packet_id, p.publish.payload_left,
                              reason::topic_name_invalid);

    const auto exit = server_.config.routes.publish(client_id(), topic, who());
    if (!exit)
        return refuse_publish(p.publish.qos, p.packet_id, p.publish.payload_left,
                              reason::not_authorized);
    const bool whole = p.publish.payload_left == 0;
    const bool is_text = p.props.number(property::payload_format, 0) == 1;
    if (whole && is_text) {
        utf8_checker text;
        if (!text.feed(p.publish.payload) || !text.complete())
            return refuse_publish(p.publish.qos, p.packet_id, 0, reason::payload_format_invalid);
    }
    uint8_t exit_index = 0;
    const stream to = session_at(*exit, exit_index);
    if (p.publish.qos != 0) inflight_.add(p.packet_id, sent(p.publish.qos), exit_index);
    build_publish(p, topic);
    const weft_slice payload = part_of(source, p.publish.payload);
    if (whole && !waiting() && fits(to, payload.len)) {
        to.data(payload, server_.publish_meta.get(), WEFT_INIT | WEFT_FIN, server_.trace);
        return;
    }
    wait(to, p, payload, is_text && !whole);
}

// Nothing of the message goes on. QoS 1 and 2 are told so where the version can; v3.1.1 may only be
// closed [MQTT-3.3.5-2].
void connection::refuse_publish(uint8_t qos, uint16_t packet_id, uint32_t payload_left,
                                reason code) {
    server_.refused.add();
    discarding_ = payload_left != 0;
    if (qos == 0 && code == reason::payload_format_invalid)
        return close(code, "payload is not the UTF-8 it says it is");
    if (qos == 0 && code == reason::topic_name_invalid)
        return close(code, "topic name has too many levels");
    if (qos == 0)
        return server_.report(server_.refused_events, WEFT_WARN, "binding.mqtt.publish.refused",
                              "Dropped a publish of client id (" + std::string(client_id()) +
                                  "): no route takes its topic.");
    if (version() != version_5) return close(code, "publish refused");
    answer_publish(qos == 1 ? packet_type::puback : packet_type::pubrec, packet_id, code);
}

void connection::build_publish(const packet& p, std::string_view topic) {
    auto& m = server_.publish_meta;
    const auto text = [&](property name) {
        return p.props.has(name) ? m.text(p.props.text(name)) : weft_ref{};
    };
    m.clear();
    m->qos = p.publish.qos;
    m->flags = static_cast<uint8_t>(
        (p.publish.retain ? WEFT_MQTT_RETAIN : 0) | (p.publish.dup ? WEFT_MQTT_DUP : 0) |
        (p.props.has(property::message_expiry) ? WEFT_MQTT_HAS_EXPIRY : 0));
    m->format =
        static_cast<uint8_t>(p.props.number(property::payload_format, WEFT_MQTT_FORMAT_NONE));
    m->packet_id = p.packet_id;
    m->expiry_s = p.props.number(property::message_expiry, 0);
    m->topic = m.text(topic);
    if (p.props.empty()) return;
    m->content_type = text(property::content_type);
    m->response_topic = text(property::response_topic);
    m->correlation = text(property::correlation_data);
    m->properties = write_user_properties(m, p.props);
}

// Keeps a publish that cannot go on whole now, and sends of it what can go.
void connection::wait(stream to, const packet& p, const weft_slice& payload, bool is_text) {
    const weft_meta* block = server_.publish_meta.get();
    auto& box = take_inbox();
    auto& w = box.waiting.emplace_back();
    w.meta.resize(block->size / 8);
    std::memcpy(w.meta.data(), block, block->size);
    w.to = to;
    w.to_come = p.publish.payload_size;
    w.packet_id = p.packet_id;
    w.qos = p.publish.qos;
    w.is_text = is_text;
    box.waiting_bytes += block->size;
    add_fragment(w, payload);
}

void connection::on_payload(const weft_slice& source) {
    const packet& p = server_.in;
    if (discarding_) {
        if (p.publish.payload_left == 0) discarding_ = false;
        return;
    }
    add_fragment(inbox_->waiting.back(), part_of(source, p.publish.payload));
}

void connection::add_fragment(waiting_publish& w, const weft_slice& fragment) {
    if (w.is_text && (!w.text.feed({fragment.data, fragment.len}) ||
                      (fragment.len == w.to_come && !w.text.complete()))) {
        // Once a part of it has gone on, only the end of the connection takes it back.
        if (!w.untouched())
            return close(reason::payload_format_invalid, "payload is not the UTF-8 it says it is");
        const auto [qos, id] = std::pair{w.qos, w.packet_id};
        const uint32_t left = w.to_come - fragment.len;
        drop_last_waiting();
        return refuse_publish(qos, id, left, reason::payload_format_invalid);
    }
    inbox_->waiting_bytes += fragment.len;
    if (!keep_fragment(w, fragment)) return out_of_memory();
    pump();
}

void connection::drop_last_waiting() {
    auto& w = inbox_->waiting.back();
    uint32_t held = w.unsent + w.gathered;
    held += static_cast<uint32_t>(w.meta.size() * 8);
    inbox_->waiting_bytes -= held;
    if (w.qos != 0)
        if (auto* e = inflight_.find(w.packet_id)) inflight_.remove(*e);
    inbox_->waiting.pop_back();
    // The inbox itself stays: its owner may be in the middle of reading it.
}

// Takes a fragment over: a large one as a slice, small ones copied together.
bool connection::keep_fragment(waiting_publish& w, weft_slice fragment) {
    const bool small_message =
        w.unsent == 0 && w.untouched() && w.to_come + w.gathered <= limits::gather_bytes_max;
    while (fragment.len != 0) {
        if (!w.gather_to && fragment.len >= limits::keep_slice_bytes_min &&
            (!small_message || fragment.len == w.to_come)) {
            w.payload.push_back(chunk::retain(fragment));
            w.unsent += fragment.len;
            w.to_come -= fragment.len;
            return true;
        }
        if (!w.gather_to) {
            w.gathering =
                server_.here.alloc(std::min(w.to_come, limits::gather_bytes_max), w.gather_to);
            if (!w.gather_to) return false;
        }
        const uint32_t n = std::min(fragment.len, w.gathering.size() - w.gathered);
        std::memcpy(w.gather_to + w.gathered, fragment.data, n);
        w.gathered += n;
        w.to_come -= n;
        fragment.data += n;
        fragment.len -= n;
        if (w.gathered == w.gathering.size() || w.to_come == 0) {
            w.gathering.truncate(w.gathered);
            w.unsent += w.gathered;
            w.payload.push_back(std::move(w.gathering));
            w.gather_to = nullptr;
            w.gathered = 0;
        }
    }
    return true;
}

// Sends what waits, in order, as far as the session stream's credit goes.
void connection::pump() {
    while (waiting() && pump_one(inbox_->waiting.front())) inbox_->waiting.pop_front();
    if (waiting()) return;
    if (goodbye_ && state_ == state::connected) say_goodbye();
    if (state_ == state::connecting) on_will_sent();
}

// True when all of it has gone.
bool connection::pump_one(waiting_publish& w) {
    static constexpr size_t slices_max = 32;
    for (;;) {
        if (w.unsent == 0 && !(w.whole() && w.untouched())) return w.whole();
        const uint64_t credit = w.to.credit(), padding = w.to.padding();
        if (credit < padding) return false;
        const auto room = static_cast<uint32_t>(std::min<uint64_t>(credit - padding, UINT32_MAX));
        if (room < w.unsent && room < limits::fragment_bytes_min) return false;

        std::array<weft_slice, slices_max> iov;
        uint32_t n = 0, count = 0;
        for (const auto& c : w.payload) {
            if (count == slices_max || n == room) break;
            iov[count] = c.slice();
            iov[count].len = std::min(iov[count].len, room - n);
            n += iov[count++].len;
        }
        uint16_t flags = 0;
        const weft_meta* meta = nullptr;
        if (w.untouched()) {
            flags |= WEFT_INIT;
            meta = reinterpret_cast<const weft_meta*>(w.meta.data());
            const uint32_t deferred = w.unsent + w.gathered + w.to_come - n;
            if (meta->type == WEFT_META_MQTT_WILL)
                reinterpret_cast<weft_mqtt_will*>(w.meta.data())->deferred = deferred;
            else
                reinterpret_cast<weft_mqtt_publish*>(w.meta.data())->deferred = deferred;
        }
        if (w.whole() && n == w.unsent) flags |= WEFT_FIN;
        w.to.data(std::span(iov).first(count), meta, flags, server_.trace);
        inbox_->waiting_bytes -= n + static_cast<uint32_t>(w.meta.size() * 8);
        w.meta = {};
        w.unsent -= n;
        while (n != 0) {
            auto& c = w.payload.front();
            const uint32_t took = std::min(n, c.size());
            n -= took;
            c.remove_prefix(took);
            if (c.empty()) w.payload.pop_front();
        }
    }
}

// PUBREL goes where its PUBLISH went; one whose PUBLISH came over an earlier connection, to the
// session. Whether its id is known there only the provider can tell (PUBCOMP 0x92).
void connection::on_pubrel() {
    const packet& p = server_.in;
    auto* e = inflight_.find(p.packet_id);
    if (!e) {
        inflight_.add(p.packet_id, publish_state::resumed, 0);
        return pass_ack(session_);
    }
    switch (e->is) {
        case publish_state::sent_1:
        case publish_state::sent_2:
            return close(protocol_error("PUBREL for a publish without PUBREC"));
        case publish_state::received:
            inflight_.move(*e, publish_state::releasing);
            return pass_ack(e->exit == 0 ? session_ : extras_->sides[e->exit - 1u].to);
        default:
            return;  // sent again: the PUBCOMP that is due answers both
    }
}

void connection::on_client_ack() {
    if (server_.in.type == packet_type::pubrel) return on_pubrel();
    pass_ack(session_);
}

void connection::pass_ack(stream to) {
    const packet& p = server_.in;
    meta_writer<weft_mqtt_ack> m;
    m->type = static_cast<uint8_t>(p.type);
    m->reason = static_cast<uint8_t>(p.code);
    m->packet_id = p.packet_id;
    if (p.props.has(property::reason_string))
        m->reason_string = m.text(p.props.text(property::reason_string));
    to.flush(m.get(), server_.trace);
}

}  // namespace weft::mqtt
