#include "session/outbox.hpp"

#include "limits.hpp"

#include <algorithm>

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

bool outbox::has_room(uint32_t size, uint8_t qos) const {
    if (rest_) return false;
    if (qos > 0 && ids_.size() >= inflight_max_) return false;
    const uint32_t credit = stream_.credit(), padding = stream_.padding();
    if (credit == 0)
        return false;  // also for an empty message: no credit means that the client takes nothing
    if (credit >= size + padding) return true;
    return too_large_to_wait(size) && credit > padding;
}

bool outbox::send(delivery& d, uint8_t qos, bool retain, std::span<const uint32_t> ids) {
    if (!has_room(d.size, qos)) return false;
    auto& b = d.block;
    b->qos = qos;
    b->packet_id = qos ? ids_.take() : uint16_t{0};
    b->flags = static_cast<uint8_t>(d.flags | (retain ? WEFT_MQTT_RETAIN : 0));
    b->deferred = 0;
    b->subscription_ids = {};
    if (!ids.empty()) {
        std::copy(ids.begin(), ids.end(), &b.item<uint32_t>(d.ids, 0));
        b->subscription_ids = {d.ids.off, static_cast<uint32_t>(ids.size())};
    }
    const uint32_t room = stream_.credit() - stream_.padding();
    if (d.size <= room)
        stream_.data(d.payload, b.get(), WEFT_INIT | WEFT_FIN, d.trace);
    else
        send_part(d, room);
    return true;
}

void outbox::send_part(delivery& d, uint32_t part) {
    rest_ = std::make_unique<rest>();
    rest_->size = d.size - part;
    for (const auto& s : d.payload) rest_->payload.push_back(chunk::retain(s));
    d.block->deferred = rest_->size;
    stream_.data(take_front(rest_->payload, part), d.block.get(), WEFT_INIT, d.trace);
    drop_front(rest_->payload, part);
}

void outbox::on_window(uint32_t maximum) {
    window_max_ = maximum;
    if (rest_) continue_rest();
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
