// frame: a frame that a peer received, copied, with everything a test may want to look at.
#pragma once

#include <weft/meta.hpp>
#include <weft/testing/report.hpp>

#include <cstring>
#include <string>
#include <vector>

namespace weft::testing {

inline const char* kind_name(uint32_t kind) {
    switch (kind) {
        case WEFT_BEGIN:
            return "BEGIN";
        case WEFT_DATA:
            return "DATA";
        case WEFT_END:
            return "END";
        case WEFT_ABORT:
            return "ABORT";
        case WEFT_FLUSH:
            return "FLUSH";
        case WEFT_RESET:
            return "RESET";
        case WEFT_WINDOW:
            return "WINDOW";
        case WEFT_CHALLENGE:
            return "CHALLENGE";
        case WEFT_DRAIN:
            return "DRAIN";
        default:
            return "a frame of unknown kind";
    }
}

struct frame {
    uint16_t kind = 0, flags = 0;
    uint64_t trace_id = 0, auth = 0;
    uint64_t affinity = 0;        // BEGIN
    uint64_t sequence = 0;        // DATA, FLUSH
    uint32_t reserved = 0;        // DATA, FLUSH
    std::string payload;          // DATA: all slices, joined
    std::vector<uint64_t> words;  // the metadata block

    const weft_meta* meta() const {
        return words.empty() ? nullptr : reinterpret_cast<const weft_meta*>(words.data());
    }
    // The metadata as type T; false in a condition when it is none or of another type.
    //   if (auto m = f.as<weft_tcp_begin>()) EXPECT_EQ(m.text(m->remote_host), "::1");
    template <class T>
    meta_view<T> as() const {
        return meta_view<T>(meta());
    }

    static frame copy(const weft_frame& f) {
        frame out;
        out.kind = f.kind;
        out.flags = f.flags;
        out.trace_id = f.trace_id;
        out.auth = f.auth;
        if (f.meta) {
            out.words.resize((f.meta->size + 7) / 8);
            std::memcpy(out.words.data(), f.meta, f.meta->size);
        }
        if (f.kind == WEFT_BEGIN) out.affinity = reinterpret_cast<const weft_begin&>(f).affinity;
        if (f.kind == WEFT_FLUSH) {
            const auto& x = reinterpret_cast<const weft_flush&>(f);
            out.sequence = x.sequence;
            out.reserved = x.reserved;
        }
        if (f.kind == WEFT_DATA) {
            const auto& d = reinterpret_cast<const weft_data&>(f);
            out.sequence = d.sequence;
            out.reserved = d.reserved;
            for (uint32_t i = 0; i < d.iovcnt; ++i)
                if (d.iov[i].len)
                    out.payload.append(reinterpret_cast<const char*>(d.iov[i].data), d.iov[i].len);
        }
        return out;
    }
};

// For messages: DATA "hello", control characters escaped.
inline std::string to_string(const frame& f) {
    std::string out = kind_name(f.kind);
    if (f.kind != WEFT_DATA) return out;
    constexpr size_t shown_max = 60;
    out += " \"";
    for (size_t i = 0; i < f.payload.size() && i < shown_max; ++i) {
        const auto c = static_cast<unsigned char>(f.payload[i]);
        static const char* digits = "0123456789abcdef";
        if (c >= 0x20 && c < 0x7f)
            out += static_cast<char>(c);
        else
            out += std::string("\\x") + digits[c >> 4] + digits[c & 15];
    }
    out += f.payload.size() > shown_max ? "...\"" : "\"";
    return out;
}

}  // namespace weft::testing
