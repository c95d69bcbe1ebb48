#include "session/delivery.hpp"

namespace weft::mqtt_kafka {

bool delivery::prepare(const meta_view<weft_kafka_record>& from, const weft_data& data,
                       uint32_t ids_max, uint64_t now_ms, bool sent_before) {
    decode_record(from, record);
    std::optional<uint32_t> remaining;
    if (record.expiry_s) {
        remaining =
            remaining_expiry(*record.expiry_s, record.timestamp_ms, static_cast<int64_t>(now_ms));
        if (!remaining && !sent_before) return false;
        if (!remaining) remaining = 0;
    }
    ids = write_delivery(block, record, remaining, ids_max);
    flags = block->flags;
    payload = slices(data);
    size = static_cast<uint32_t>(payload_size(data));
    trace = data.h.trace_id;
    return true;
}

uint64_t delivery::fingerprint() const {
    const std::hash<std::string_view> hash;
    uint64_t h = hash(record.topic);
    const auto mix = [&](uint64_t v) { h = (h ^ v) * 0x9e3779b97f4a7c15u + (h >> 32); };
    mix(static_cast<uint64_t>(record.timestamp_ms));
    mix(hash(record.publisher.value_or(std::string_view{})));
    // Two messages of one client may share a millisecond; then they differ here, or nothing is
    // lost.
    for (const auto& s : payload) mix(hash(text_of(s)));
    return h;
}

}  // namespace weft::mqtt_kafka
