// Large publishes: their payload comes in several frames and is put together within a limit of the
// worker, since a record enters the shared produce stream only when it is whole.
#include "proxy.hpp"
#include "session/publisher.hpp"

#include <algorithm>
#include <cstring>

namespace weft::mqtt_kafka {

void publisher::on_part(session& s, const weft_data& d) {
    if (d.h.flags & WEFT_INIT) begin_assembly(s, d);
    auto* a = s.credit.extra ? s.credit.extra->partial.get() : nullptr;
    if (!a) return give_back(s, d.reserved);
    a->size += payload_size(d);
    if (a->size > a->total) a->discarded = true;
    if (a->discarded) {
        a->payload.clear();
    } else {
        for (const auto& slice : slices(d)) a->payload.push_back(chunk::retain(slice));
    }
    // An admitted message is paid for by its reservation, so that its client can go on sending.
    if (a->admitted || a->discarded)
        give_back(s, d.reserved);
    else
        a->reserved += d.reserved;
    if (d.h.flags & WEFT_FIN) finish_assembly(s, d);
}

void publisher::begin_assembly(session& s, const weft_data& d) {
    drop_assembly(s);
    const meta_view<weft_mqtt_publish> view(d.h.meta);
    if (!view) return;
    if (!s.credit.extra) s.credit.extra = std::make_unique<publish_extra>();
    auto a = std::make_unique<assembly>();
    a->block.resize((d.h.meta->size + 7) / 8);
    std::memcpy(a->block.data(), d.h.meta, d.h.meta->size);
    a->total = payload_size(d) + view->deferred;
    if (a->total > proxy_.config.limit.message_bytes_max)
        a->discarded = true;
    else if (!assembly_waiting_.empty() || !try_admit(*a))
        assembly_waiting_.push_back(&s);
    s.credit.extra->partial = std::move(a);
}

// Whole messages are admitted, so those that are can always be finished. One is let in even when it
// is above the limit alone.
bool publisher::try_admit(assembly& a) {
    if (assembling_ != 0 && assembling_ + a.total > proxy_.config.limit.assembly_bytes_max)
        return false;
    assembling_ += a.total;
    a.admitted = true;
    return true;
}

void publisher::admit_waiting() {
    while (!assembly_waiting_.empty()) {
        session* s = assembly_waiting_.front();
        assembly& a = *s->credit.extra->partial;
        if (!try_admit(a)) return;
        assembly_waiting_.pop_front();
        give_back(*s, std::exchange(a.reserved, 0));
    }
}

void publisher::finish_assembly(session& s, const weft_data& d) {
    auto a = std::move(s.credit.extra->partial);
    if (a->admitted) assembling_ -= a->total;
    if (!a->admitted) std::erase(assembly_waiting_, &s);
    if (d.h.flags & WEFT_INCOMPLETE) {
        give_back(s, a->reserved);
        drop_unused_extra(s);
        return admit_waiting();
    }
    const meta_view<weft_mqtt_publish> view(a->meta());
    std::vector<weft_slice> payload;
    for (const auto& c : a->payload) payload.push_back(c.slice());
    const incoming in{s,           a->meta(),   view, payload, static_cast<uint32_t>(a->size),
                      a->reserved, d.h.trace_id};
    if (a->discarded)
        refuse(in, {reason::quota_exceeded, "the message is larger than allowed"});
    else
        publish(in);
    drop_unused_extra(s);
    admit_waiting();
}

void publisher::drop_assembly(session& s) {
    if (!s.credit.extra || !s.credit.extra->partial) return;
    const auto a = std::move(s.credit.extra->partial);
    if (a->admitted) assembling_ -= a->total;
    if (!a->admitted) std::erase(assembly_waiting_, &s);
    admit_waiting();
}

}  // namespace weft::mqtt_kafka
