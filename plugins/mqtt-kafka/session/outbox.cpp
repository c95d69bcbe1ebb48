#include "session/outbox.hpp"

#include "limits.hpp"

#include <algorithm>
#include <cstring>

namespace weft::mqtt_kafka {

namespace {

// The first `want` bytes of the chunks, as slices; the chunks lose them.
std::vector<weft_slice> take_front(std::vector<chunk>& chunks, uint32_t want) {
    std::vector<weft_slice> out;
    for (auto& c : chunks) {
        if (want == 0) break;
        weft_slice s = c.slice();
        s.len = std::min(s.len, want);
        want -= s.len;
        if (s.len) out.push_back(s);
    }
    return out;
}

void drop_front(std::vector<chunk>& chunks, uint32_t bytes) {
    size_t whole = 0;
    for (; whole < chunks.size() && bytes >= chunks[whole].size(); ++whole)
        bytes -= chunks[whole].size();
    chunks.erase(chunks.begin(), chunks.begin() + static_cast<ptrdiff_t>(whole));
    if (bytes) chunks.front().remove_prefix(bytes);
}

}  // namespace

// Such a message starts with whatever credit there is: all of it may never be there at once.
bool outbox::too_large_to_wait(uint32_t size) const {
    return size > whole_delivery_max || size + stream_.padding() > window_max_;
}

bool outbox::has_credit(uint32_t size) const {
    if (rest_) return false;
    const uint32_t credit = stream_.credit(), padding = stream_.padding();
    if (credit == 0)
        return false;  // also for an empty message: no credit means that the client takes nothing
    if (credit >= size + padding) return true;
    return too_large_to_wait(size) && credit > padding;
}

bool outbox::has_room(uint32_t size, uint8_t qos) const {
    if (qos > 0 && ids_.size() >= inflight_max_) return false;
    if (held_ && (qos == 2 && held_->size() >= held_max)) return false;
    return has_credit(size);
}

bool outbox::send(delivery& d, uint8_t qos, bool retain, std::span<const uint32_t> ids,
                  const record_place& from) {
    if (!has_room(d.size, qos)) return false;
    fill(d, qos, retain ? WEFT_MQTT_RETAIN : 0, ids);
    if (qos > 0) {
        const bool record = qos == 2 && durable_;
        const flight& f = ids_.take({topic_use(*from.topic), from.offset, from.partition, 0, qos,
                                     record ? flight_stage::unrecorded : flight_stage::sent,
                                     from.share, from.cookie});
        d.block->packet_id = f.id;
        if (record) return hold(d, f.id), true;
    }
    transmit(d.payload, d.size, *d.block.operator->(), d.trace);
    return true;
}

bool outbox::send_again(delivery& d, flight& f, bool retain, std::span<const uint32_t> ids) {
    if (!has_credit(d.size)) return false;
    fill(d, f.qos, static_cast<uint8_t>(WEFT_MQTT_DUP | (retain ? WEFT_MQTT_RETAIN : 0)), ids);
    d.block->packet_id = f.id;
    f.stage = flight_stage::sent;
    transmit(d.payload, d.size, *d.block.operator->(), d.trace);
    return true;
}

void outbox::fill(delivery& d, uint8_t qos, uint8_t flags, std::span<const uint32_t> ids) {
    auto& b = d.block;
    b->qos = qos;
    b->packet_id = 0;
    b->flags = static_cast<uint8_t>(d.flags | flags);
    b->deferred = 0;
    b->subscription_ids = {};
    if (!ids.empty()) {
        std::copy(ids.begin(), ids.end(), &b.item<uint32_t>(d.ids, 0));
        b->subscription_ids = {d.ids.off, static_cast<uint32_t>(ids.size())};
    }
    b.get();  // sets the size
}

// With has_credit only.
void outbox::transmit(std::span<const weft_slice> payload, uint32_t size, weft_mqtt_publish& block,
                      uint64_t trace) {
    const uint32_t room = stream_.credit() - stream_.padding();
    if (size <= room) return stream_.data(payload, &block.m, WEFT_INIT | WEFT_FIN, trace);
    rest_ = std::make_unique<rest>();
    rest_->size = size - room;
    for (const auto& s : payload) rest_->payload.push_back(chunk::retain(s));
    block.deferred = rest_->size;
    stream_.data(take_front(rest_->payload, room), &block.m, WEFT_INIT, trace);
    drop_front(rest_->payload, room);
}

void outbox::hold(delivery& d, uint16_t id) {
    if (!held_) held_ = std::make_unique<std::deque<held>>();
    held& h = held_->emplace_back();
    h.id = id;
    const weft_meta* meta = d.block.get();
    h.block.resize((meta->size + 7) / 8);
    std::memcpy(h.block.data(), meta, meta->size);
    for (const auto& s : d.payload) h.payload.push_back(chunk::retain(s));
    h.size = d.size;
    h.trace = d.trace;
}

void outbox::send_held() {
    std::vector<weft_slice> iov;
    while (held_ && !held_->empty()) {
        held& h = held_->front();
        flight* f = ids_.find(h.id);
        if (f) {
            if (f->stage != flight_stage::recorded || !has_credit(h.size)) return;
            f->stage = flight_stage::sent;
            iov.clear();
            for (const auto& c : h.payload) iov.push_back(c.slice());
            transmit(iov, h.size, *reinterpret_cast<weft_mqtt_publish*>(h.block.data()), h.trace);
        }
        held_->pop_front();
    }
    held_.reset();
}

void outbox::recording() {
    ids_.each([](flight& f) {
        if (f.stage == flight_stage::unrecorded) f.stage = flight_stage::recording;
        if (f.stage == flight_stage::received_unrecorded)
            f.stage = flight_stage::received_recording;
    });
}

std::vector<uint16_t> outbox::recorded() {
    std::vector<uint16_t> released;
    ids_.each([&](flight& f) {
        if (f.stage == flight_stage::recording) f.stage = flight_stage::recorded;
        if (f.stage == flight_stage::received_recording) {
            f.stage = flight_stage::received;
            released.push_back(f.id);
        }
    });
    send_held();
    return released;
}

void outbox::on_window(uint32_t maximum) {
    window_max_ = maximum;
    if (rest_) continue_rest();
    send_held();
}

void outbox::continue_rest() {
    const uint32_t credit = stream_.credit(), padding = stream_.padding();
    if (credit <= padding) return;
    const uint32_t part = std::min(credit - padding, rest_->size);
    const bool last = part == rest_->size;
    stream_.data(take_front(rest_->payload, part), nullptr, last ? WEFT_FIN : 0);
    if (last) {
        rest_.reset();
        return;
    }
    drop_front(rest_->payload, part);
    rest_->size -= part;
}

}  // namespace weft::mqtt_kafka
