// QoS 2 publishes and wills: what is more to them than to other publishes.
#include "proxy.hpp"
#include "session/publisher.hpp"
#include "session/session.hpp"

#include <algorithm>

namespace weft::mqtt_kafka {

// False when the packet id is taken: the client has sent the publish again (MQTT 5, 4.3.3).
bool publisher::begin_qos2(const incoming& in) {
    switch (in.from.received().of(in.view->packet_id)) {
        case qos2_in::status::unknown:
            return true;
        case qos2_in::status::producing:  // Kafka's answer brings the PUBREC
            break;
        case qos2_in::status::received:
        case qos2_in::status::releasing:
            in.from.send_ack(pubrec_type, in.view->packet_id, {});
            break;
    }
    give_back(in.from, in.reserved);
    return false;
}

void publisher::finish_qos2(const pending_publish& p, const refusal& why,
                            const produce_answer& answer) {
    qos2_in* in = p.from->maybe_received();
    if (!in) return;
    if (why)
        in->failed(p.packet_id);
    else
        in->done(p.packet_id, p.topic->name(), answer.partition, answer.offset);
}

void publisher::gate(session& s, kafka_topic& topic, uint64_t token) {
    s.received().gated.push_back(token);
    proxy_.topics.want_tail(topic);
    open_topics(s);
}

// Records where a new owner has to begin to look, before anything is there to be found.
void publisher::open_topics(session& s) {
    qos2_in* in = s.maybe_received();
    if (!in || !s.open()) return;
    bool waits = false;
    for (const uint64_t token : in->gated) {
        kafka_topic& topic = *pending_.find(token)->staged->topic;
        if (in->opening(topic.name())) continue;
        if (!topic.tail()->live()) {
            waits = true;
            continue;
        }
        in->open(topic.name(), topic.tail()->positions());
        s.changed(session_key::offsets);
    }
    if (waits && std::find(opening_.begin(), opening_.end(), &s) == opening_.end())
        opening_.push_back(&s);
}

void publisher::on_offsets_written(session& s) {
    qos2_in& in = *s.maybe_received();
    for (const uint16_t id : in.written()) s.send_ack(pubcomp_type, id, {});
    auto gated = std::exchange(in.gated, {});
    for (const uint64_t token : gated) {
        if (in.knows(pending_.find(token)->staged->topic->name()))
            start_or_hold(token);
        else
            in.gated.push_back(token);
    }
}

void publisher::drop_gated(session& s) {
    drop_asking_qos2(s);
    qos2_in* in = s.maybe_received();
    if (!in) return;
    // Nobody was told that they are received: the client sends them again.
    for (const uint64_t token : std::exchange(in->gated, {}))
        complete(token, {reason::unspecified, "the client went before the publish was written"});
}

void publisher::on_pubrel(session& s, uint16_t packet_id) {
    qos2_in* in = s.maybe_received();
    const auto is = in ? in->of(packet_id) : qos2_in::status::unknown;
    if (is == qos2_in::status::releasing) return;  // its PUBCOMP is on the way
    if (is != qos2_in::status::received)
        return s.send_ack(pubcomp_type, packet_id, {reason::packet_id_not_found, {}});
    if (s.durable()) {
        in->release(packet_id);
        return s.changed(session_key::offsets);
    }
    in->forget(packet_id);
    s.send_ack(pubcomp_type, packet_id, {});
}

void publisher::publish_will(session& s, const will_message& will) {
    meta_writer<weft_mqtt_publish> m;
    m->qos = will.qos;
    m->flags = static_cast<uint8_t>((will.flags & will_message::retain ? WEFT_MQTT_RETAIN : 0) |
                                    (will.expiry_s >= 0 ? WEFT_MQTT_HAS_EXPIRY : 0));
    m->format = will.format;
    m->expiry_s = static_cast<uint32_t>(std::max(will.expiry_s, 0));
    m->topic = m.text(will.topic);
    m->content_type = m.maybe_text(will.content_type);
    m->response_topic = m.maybe_text(will.response_topic);
    m->correlation = m.maybe_text(will.correlation);
    m->properties = m.list_of_pairs(will.properties);
    const auto size = static_cast<uint32_t>(will.payload.size());
    uint8_t* bytes = nullptr;
    const chunk payload = size ? proxy_.here.alloc(size, bytes) : chunk{};
    std::vector<weft_slice> iov;
    if (bytes) {
        std::copy(will.payload.begin(), will.payload.end(), bytes);
        weft_slice slice = payload.slice();
        slice.len = size;
        iov.push_back(slice);
    }
    const weft_meta* block = m.get();
    const meta_view<weft_mqtt_publish> view(block);
    publish({s, block, view, iov, size, 0, 0, true});
}

}  // namespace weft::mqtt_kafka
