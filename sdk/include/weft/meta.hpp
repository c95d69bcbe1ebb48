// Metadata blocks: building and reading the flat {header, fields, tail} layout of abi.h.
#pragma once

#include <weft/abi.h>
#include <weft/meta/http.h>
#include <weft/meta/kafka.h>
#include <weft/meta/mqtt.h>
#include <weft/meta/tcp.h>
#include <weft/meta/tls.h>
#include <weft/meta/ws.h>

#include <weft/hash.hpp>

#include <cstring>
#include <iterator>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace weft {

// The number of a metadata type name.
constexpr uint32_t meta_type(std::string_view name) {
    return fnv1a_32(name);
}

template <class T>
struct meta_name;  // specialise for own types: static constexpr const char* value, uint32_t type

#define WEFT_META_TYPE(T, NAME)                           \
    template <>                                           \
    struct meta_name<T> {                                 \
        static constexpr const char* value = NAME##_NAME; \
        static constexpr uint32_t type = NAME;            \
    };                                                    \
    static_assert(meta_type(NAME##_NAME) == NAME)

WEFT_META_TYPE(weft_http_begin, WEFT_META_HTTP_BEGIN);
WEFT_META_TYPE(weft_tcp_begin, WEFT_META_TCP_BEGIN);
WEFT_META_TYPE(weft_tcp_reset, WEFT_META_TCP_RESET);
WEFT_META_TYPE(weft_tls_begin, WEFT_META_TLS_BEGIN);
WEFT_META_TYPE(weft_tls_keys, WEFT_META_TLS_KEYS);
WEFT_META_TYPE(weft_tls_record, WEFT_META_TLS_RECORD);
WEFT_META_TYPE(weft_ws_begin, WEFT_META_WS_BEGIN);
WEFT_META_TYPE(weft_ws_data, WEFT_META_WS_DATA);
WEFT_META_TYPE(weft_ws_end, WEFT_META_WS_END);
WEFT_META_TYPE(weft_mqtt_begin, WEFT_META_MQTT_BEGIN);
WEFT_META_TYPE(weft_mqtt_publish, WEFT_META_MQTT_PUBLISH);
WEFT_META_TYPE(weft_mqtt_ack, WEFT_META_MQTT_ACK);
WEFT_META_TYPE(weft_mqtt_subscribe, WEFT_META_MQTT_SUBSCRIBE);
WEFT_META_TYPE(weft_mqtt_unsubscribe, WEFT_META_MQTT_UNSUBSCRIBE);
WEFT_META_TYPE(weft_mqtt_suback, WEFT_META_MQTT_SUBACK);
WEFT_META_TYPE(weft_mqtt_reset, WEFT_META_MQTT_RESET);
WEFT_META_TYPE(weft_mqtt_will, WEFT_META_MQTT_WILL);
WEFT_META_TYPE(weft_kafka_begin, WEFT_META_KAFKA_BEGIN);
WEFT_META_TYPE(weft_kafka_record, WEFT_META_KAFKA_RECORD);
WEFT_META_TYPE(weft_kafka_produce, WEFT_META_KAFKA_PRODUCE);
WEFT_META_TYPE(weft_kafka_produced, WEFT_META_KAFKA_PRODUCED);
WEFT_META_TYPE(weft_kafka_partitions, WEFT_META_KAFKA_PARTITIONS);
WEFT_META_TYPE(weft_kafka_progress, WEFT_META_KAFKA_PROGRESS);
WEFT_META_TYPE(weft_kafka_status, WEFT_META_KAFKA_STATUS);
WEFT_META_TYPE(weft_kafka_offsets, WEFT_META_KAFKA_OFFSETS);
WEFT_META_TYPE(weft_kafka_reset, WEFT_META_KAFKA_RESET);

// Reads a block of type T. False when the frame has no metadata or metadata of another type. Every
// access is bounds-checked: a reference that leaves the block reads as null, so a faulty neighbour
// cannot make us read foreign memory.
template <class T>
class meta_view {
public:
    explicit meta_view(const weft_meta* m) {
        if (!m || m->type != meta_name<T>::type || m->size < sizeof(weft_meta)) return;
        block_ = reinterpret_cast<const uint8_t*>(m);
        size_ = m->size;
        const uint32_t fixed = m->fixed < m->size ? m->fixed : m->size;
        if (fixed >= sizeof(T)) {
            fields_ = reinterpret_cast<const T*>(m);
        } else {
            std::memcpy(&older_, m, fixed);
            fields_ = nullptr;
        }
    }
    meta_view(const meta_view&) = delete;
    meta_view& operator=(const meta_view&) = delete;

    explicit operator bool() const { return block_ != nullptr; }
    const T* operator->() const { return fields_ ? fields_ : &older_; }
    const T& operator*() const { return *operator->(); }

    bool has(weft_ref r) const { return r.off != 0 && in_bounds(r.off, r.len, 1); }
    // The text behind r; null and out-of-bounds references are empty.
    std::string_view text(weft_ref r) const {
        return has(r) ? std::string_view{reinterpret_cast<const char*>(block_ + r.off), r.len}
                      : std::string_view{};
    }
    std::optional<std::string_view> maybe_text(weft_ref r) const {
        return has(r) ? std::optional{text(r)} : std::nullopt;
    }
    template <class E>
    std::span<const E> list(weft_ref r) const {
        static_assert(std::is_trivially_copyable_v<E>);
        if (r.off == 0 || r.off % alignof(E) != 0 || !in_bounds(r.off, r.len, sizeof(E))) return {};
        return {reinterpret_cast<const E*>(block_ + r.off), r.len};
    }

private:
    bool in_bounds(uint32_t off, uint32_t count, size_t item) const {
        return off >= sizeof(weft_meta) && off <= size_ && count <= (size_ - off) / item;
    }

    const uint8_t* block_ = nullptr;
    const T* fields_ = nullptr;
    uint32_t size_ = 0;
    T older_{};
};

// Builds a block of type T. Reuse one object for many messages: the memory stays. Fields are set
// through operator->, after or between additions to the tail; references and pointers obtained
// earlier are invalid after an addition.
//   meta_writer<weft_mqtt_publish> m;  m->qos = 1;  m->topic = m.text("a/b");  stream.data(iov,
//   m.get());
template <class T>
class meta_writer {
public:
    meta_writer() { clear(); }

    void clear() {
        words_.assign(words(sizeof(T)), 0);
        end_ = sizeof(T);
        auto* h = &(*this)->m;
        h->type = meta_name<T>::type;
        h->fixed = sizeof(T);
    }

    T* operator->() { return reinterpret_cast<T*>(words_.data()); }
    T& operator*() { return *operator->(); }

    weft_ref bytes(const void* p, size_t n) {
        const uint32_t off = grow(n, 1);
        if (n) std::memcpy(base() + off, p, n);
        return {off, static_cast<uint32_t>(n)};
    }
    weft_ref text(std::string_view s) { return bytes(s.data(), s.size()); }
    weft_ref maybe_text(std::optional<std::string_view> s) { return s ? text(*s) : weft_ref{}; }
    // Where nothing and an empty text are the same.
    weft_ref text_unless_empty(std::string_view s) { return s.empty() ? weft_ref{} : text(s); }

    // A list of n zeroed items; fill them with item<E>(list, i).
    template <class E>
    weft_ref list(size_t n) {
        return {grow(n * sizeof(E), alignof(E)), static_cast<uint32_t>(n)};
    }
    template <class E>
    E& item(weft_ref list, size_t i) {
        return reinterpret_cast<E*>(base() + list.off)[i];
    }
    template <class E>
    weft_ref list_of(std::span<const E> items) {
        const weft_ref r = list<E>(items.size());
        if (!items.empty()) std::memcpy(base() + r.off, items.data(), items.size_bytes());
        return r;
    }
    // Item i of a list of pairs; the texts are added behind it.
    void put_pair(weft_ref list, size_t i, std::string_view name, std::string_view value) {
        const weft_ref n = text(name), v = text(value);  // both may move the list
        item<weft_pair>(list, i) = {n, v};
    }
    // Of any range of pairs of text.
    template <class Pairs>
    weft_ref list_of_pairs(const Pairs& pairs) {
        const weft_ref r = list<weft_pair>(std::size(pairs));
        size_t i = 0;
        for (const auto& [name, value] : pairs) put_pair(r, i++, name, value);
        return r;
    }

    const weft_meta* get() {
        auto* h = &(*this)->m;
        h->size = static_cast<uint32_t>(words_.size() * 8);
        return h;
    }

private:
    static size_t words(size_t bytes) { return (bytes + 7) / 8; }
    uint8_t* base() { return reinterpret_cast<uint8_t*>(words_.data()); }
    uint32_t grow(size_t n, size_t align) {
        const size_t off = (end_ + align - 1) / align * align;
        end_ = off + n;
        words_.resize(words(end_ + (n == 0)),
                      0);  // an empty item still needs an offset inside the block
        return static_cast<uint32_t>(off);
    }

    std::vector<uint64_t> words_;
    size_t end_ = 0;
};

}  // namespace weft
