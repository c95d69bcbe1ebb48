#include "format.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstring>

namespace weft::kafka {

namespace {

bool inside(weft_ref r, uint32_t size, uint64_t item) {
    return r.off == 0 ||
           (r.off >= sizeof(weft_kafka_record) && r.off <= size && r.len <= (size - r.off) / item);
}

std::optional<std::string_view> key_of(const weft_kafka_record& r) {
    if (r.key.off == 0 || !inside(r.key, r.m.size, 1)) return std::nullopt;
    return std::string_view(reinterpret_cast<const char*>(&r) + r.key.off, r.key.len);
}

}  // namespace

std::optional<std::string_view> record_view::key() const {
    return key_of(record());
}

uint64_t hash_key(std::string_view key) {
    return XXH3_64bits(key.data(), key.size());
}

uint32_t checksum_entry(const uint8_t* entry, uint32_t size, uint64_t salt) {
    return static_cast<uint32_t>(
        XXH3_64bits_withSeed(entry + sizeof(uint32_t), size - sizeof(uint32_t), salt));
}

uint64_t checksum_header(segment_header h) {
    h.checksum = 0;
    return XXH3_64bits(&h, sizeof h);
}

uint64_t checksum_bytes(const void* p, size_t n) {
    return XXH3_64bits(p, n);
}

bool storable(const weft_meta* m) {
    if (!m || m->type != WEFT_META_KAFKA_RECORD || m->size < sizeof(weft_kafka_record) ||
        m->size % 8 != 0 || m->fixed < sizeof(weft_kafka_record))
        return false;
    const auto& r = *reinterpret_cast<const weft_kafka_record*>(m);
    return r.offset >= 0 && inside(r.key, m->size, 1) &&
           inside(r.headers, m->size, sizeof(weft_pair)) && r.headers.off % alignof(weft_pair) == 0;
}

uint64_t entry_size(const weft_meta& meta, uint64_t value_size) {
    return (sizeof(entry_header) + uint64_t{meta.size} + value_size + 7) / 8 * 8;
}

void encode_entry(std::vector<uint8_t>& out, const weft_meta& meta,
                  std::span<const weft_slice> value, uint64_t salt) {
    uint32_t value_size = 0;
    for (const auto& s : value) value_size += s.len;
    const auto size = static_cast<uint32_t>(entry_size(meta, value_size));

    const size_t at = out.size();
    out.resize(at + size);  // zeroed: the padding is part of the checksum
    uint8_t* p = out.data() + at + sizeof(entry_header);
    std::memcpy(p, &meta, meta.size);
    p += meta.size;
    for (const auto& s : value) {
        if (s.len) std::memcpy(p, s.data, s.len);
        p += s.len;
    }
    const auto key = key_of(reinterpret_cast<const weft_kafka_record&>(meta));
    entry_header h{0, size, meta.size, value_size, key ? hash_key(*key) : 0};
    std::memcpy(out.data() + at, &h, sizeof h);
    h.checksum = checksum_entry(out.data() + at, size, salt);
    std::memcpy(out.data() + at, &h.checksum, sizeof h.checksum);
}

bool bounded_entry(const uint8_t* p, uint64_t available) {
    if (available < sizeof(entry_header)) return false;
    const auto& h = *reinterpret_cast<const entry_header*>(p);
    if (h.size < sizeof h + sizeof(weft_kafka_record) || h.size % 8 != 0 || h.size > available)
        return false;
    if (h.meta_size < sizeof(weft_kafka_record) || h.meta_size % 8 != 0) return false;
    if (h.meta_size > h.size - sizeof h || h.value_size > h.size - sizeof h - h.meta_size)
        return false;
    return reinterpret_cast<const weft_meta*>(p + sizeof h)->size == h.meta_size;
}

bool valid_entry(const uint8_t* p, uint64_t available, uint64_t salt) {
    if (!bounded_entry(p, available)) return false;
    const auto& h = *reinterpret_cast<const entry_header*>(p);
    return entry_size(*reinterpret_cast<const weft_meta*>(p + sizeof h), h.value_size) == h.size &&
           checksum_entry(p, h.size, salt) == h.checksum &&
           storable(reinterpret_cast<const weft_meta*>(p + sizeof h));
}

}  // namespace weft::kafka
