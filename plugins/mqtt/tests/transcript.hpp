// What a decoder made of some bytes, in a form that can be compared: every packet encoded again,
// its payload, and the error at the end.
#pragma once

#include "decoder.hpp"
#include "encoder.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace weft::mqtt {

struct transcript {
    std::vector<std::string> packets;  // head and payload as bytes
    reason error = reason::success;
    std::string error_text;

    bool operator==(const transcript&) const = default;
};

inline std::string encode_to_string(const packet& p) {
    std::string s(head_size(p), '\0');
    encode(p, reinterpret_cast<uint8_t*>(s.data()));
    return s;
}

// Feeds `all` in pieces of `piece` bytes (0: at once). A cut message at the end is left out, as a
// packet that never came.
inline transcript decode_all(bytes all, size_t piece, role sender,
                             uint8_t version = version_unknown,
                             uint32_t size_max = packet_size_limit) {
    transcript t;
    decoder d{sender, size_max, version};
    packet p;
    std::string open;  // a PUBLISH whose payload has not all come
    while (!all.empty()) {
        bytes in = all.first(piece == 0 ? all.size() : std::min(piece, all.size()));
        all = all.subspan(in.size());
        for (bool more = true; more;) {
            switch (d.next(in, p)) {
                case step::need_more:
                    more = false;
                    break;
                case step::packet:
                    open = encode_to_string(p);
                    if (p.type == packet_type::publish) open += as_text(p.publish.payload);
                    if (p.type != packet_type::publish || p.publish.payload_left == 0)
                        t.packets.push_back(open);
                    break;
                case step::payload:
                    open += as_text(p.publish.payload);
                    if (p.publish.payload_left == 0) t.packets.push_back(open);
                    break;
                case step::error:
                    t.error = p.error.code;
                    t.error_text = p.error.text;
                    return t;
            }
        }
    }
    return t;
}

}  // namespace weft::mqtt
