// Any bytes as frames, whole and byte by byte: the same outcome.
#include "deflate.hpp"
#include "receiver.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

using namespace weft::ws;

namespace {

void must(bool ok) {
    if (!ok) std::abort();
}

struct seen {
    std::string plain, controls;
    uint16_t refused = 0;
};

seen read(bytes in, size_t step, const receive_rules& rules) {
    receiver r(rules);
    inflater z(15, true);
    seen out;
    std::array<uint8_t, 512> raw{}, room{};
    const auto refuse = [&](uint16_t code) {
        out.refused = code;
        return out;
    };
    size_t at = 0;
    while (true) {
        if (!r.in_payload()) {
            if (at == in.size()) return out;
            size_t used = 0;
            const auto part = in.subspan(at, std::min(step, in.size() - at));
            const auto e = r.read(part, used);
            must(used <= part.size());
            at += used;
            if (e == receiver::event::violation) return refuse(r.why().code);
            if (e == receiver::event::data || e == receiver::event::none) continue;
            must(r.control().size() <= control_size_max);
            out.controls.append(r.control().begin(), r.control().end());
            if (e != receiver::event::close) continue;
            uint16_t code = 0;
            std::string_view reason;
            violation why;
            if (!read_close(r.control(), code, reason, why)) return refuse(why.code);
            return out;
        }
        const auto n = std::min({step, in.size() - at, static_cast<size_t>(r.left()), raw.size()});
        if (n == 0 && r.left() > 0) return out;
        r.unmask(in.data() + at, raw.data(), n);
        const bool compressed = r.compressed();
        for (size_t done = 0; compressed && (done < n || z.has_more());) {
            const auto d = z.step({raw.data() + done, n - done}, room);
            if (d.failed) return refuse(code_invalid_data);
            done += d.used;
            if (!r.accept(bytes(room).first(d.made))) return refuse(r.why().code);
            out.plain.append(room.begin(), room.begin() + static_cast<ptrdiff_t>(d.made));
        }
        if (!compressed) {
            if (!r.accept({raw.data(), n})) return refuse(r.why().code);
            out.plain.append(raw.begin(), raw.begin() + static_cast<ptrdiff_t>(n));
        }
        r.advance(n);
        at += n;
        if (r.left() > 0) continue;
        for (deflated d{0, 0, compressed && r.last_frame(), false}; d.more;) {
            d = z.finish(room);
            if (d.failed) return refuse(code_invalid_data);
            if (!r.accept(bytes(room).first(d.made))) return refuse(r.why().code);
            out.plain.append(room.begin(), room.begin() + static_cast<ptrdiff_t>(d.made));
        }
        if (!r.end_frame()) return refuse(r.why().code);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 1) return 0;
    receive_rules rules;
    rules.masked = data[0] & 1;
    rules.compression = data[0] & 2;
    rules.text = data[0] & 4;
    rules.message_max = rules.frame_max = 1 << 16;
    const bytes in(data + 1, size - 1);
    const auto whole = read(in, in.size() + 1, rules);
    for (const size_t step : {1u, 5u}) {
        const auto parts = read(in, step, rules);
        must((whole.refused == 0) == (parts.refused == 0));
        must(whole.controls == parts.controls);
        must(whole.refused != 0 || whole.plain == parts.plain);
    }
    must(whole.plain.size() <= (size << 16));
    return 0;
}
