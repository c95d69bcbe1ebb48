// Bytes of the structured values on the sessions topic: packed, little-endian (the ABI's byte
// order), strings and arrays with their lengths in front.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace weft::mqtt_kafka {

class byte_writer {
public:
    template <class T>
    void number(std::type_identity_t<T> v) {
        static_assert(std::is_integral_v<T>);
        char bytes[sizeof(T)];
        std::memcpy(bytes, &v, sizeof v);
        out_.append(bytes, sizeof bytes);
    }
    // u16 length and the bytes; null is length 0xFFFF. Longer texts are cut, which no MQTT string
    // can be.
    void text(std::optional<std::string_view> s) {
        if (!s) return number<uint16_t>(text_null);
        const auto kept = s->substr(0, text_null - 1);
        number<uint16_t>(static_cast<uint16_t>(kept.size()));
        out_.append(kept);
    }
    void binary(std::optional<std::string_view> s) {
        if (!s) return number<int32_t>(-1);
        number<int32_t>(static_cast<int32_t>(s->size()));
        out_.append(*s);
    }
    void raw(std::string_view s) { out_.append(s); }
    // array32: length of what follows it, count, items.
    template <class List, class F>
    void array(const List& items, F&& each) {
        const size_t at = out_.size();
        number<int32_t>(0);
        number<int32_t>(static_cast<int32_t>(items.size()));
        for (const auto& item : items) each(item);
        const auto length = static_cast<int32_t>(out_.size() - at - sizeof(int32_t));
        std::memcpy(out_.data() + at, &length, sizeof length);
    }
    std::string take() { return std::move(out_); }

    static constexpr uint16_t text_null = 0xffff;

private:
    std::string out_;
};

// Reads what byte_writer writes. After a fault everything reads as zero and ok() is false.
class byte_reader {
public:
    explicit byte_reader(std::string_view in) : in_(in) {}

    bool ok() const { return ok_; }
    std::string_view rest() const { return in_; }

    template <class T>
    T number() {
        T v{};
        const auto bytes = take(sizeof(T));
        if (ok_) std::memcpy(&v, bytes.data(), sizeof v);
        return v;
    }
    std::optional<std::string_view> text() {
        const auto n = number<uint16_t>();
        if (n == byte_writer::text_null) return std::nullopt;
        return take(n);
    }
    std::optional<std::string_view> binary() {
        const auto n = number<int32_t>();
        if (n < 0) return std::nullopt;
        return take(static_cast<size_t>(n));
    }
    // Calls each() once per item; it reads the item.
    template <class F>
    void array(F&& each) {
        const auto length = number<int32_t>();
        if (length < 4 || static_cast<size_t>(length) > in_.size()) return fail();
        const size_t left = in_.size() - static_cast<size_t>(length);
        const auto count = number<int32_t>();
        for (int32_t i = 0; i < count && ok_; ++i) each();
        if (in_.size() != left) fail();
    }

private:
    std::string_view take(size_t n) {
        if (n > in_.size()) fail();
        if (!ok_) return {};
        const auto out = in_.substr(0, n);
        in_.remove_prefix(n);
        return out;
    }
    void fail() {
        ok_ = false;
        in_ = {};
    }

    std::string_view in_;
    bool ok_ = true;
};

}  // namespace weft::mqtt_kafka
