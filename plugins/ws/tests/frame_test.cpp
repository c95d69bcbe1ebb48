// The parts without streams: frames, messages, UTF-8, and the two halves of compression.
#include "deflate.hpp"
#include "receiver.hpp"
#include "support.hpp"

#include <gtest/gtest.h>

namespace weft::ws {
namespace {

using event = receiver::event;

bytes bytes_of(const std::string& s) {
    return {reinterpret_cast<const uint8_t*>(s.data()), s.size()};
}

// Reads everything, `step` bytes at a time; what came, and how it ended.
struct outcome {
    std::string messages;  // each in brackets
    std::string controls;
    uint16_t refused = 0;
    // How much was taken of what is refused depends on the pieces in which it came.
    bool operator==(const outcome& o) const {
        return refused == o.refused && controls == o.controls &&
               (refused || messages == o.messages);
    }
};
[[maybe_unused]] void PrintTo(const outcome& o, std::ostream* to) {
    *to << o.messages.substr(0, 100) << " controls " << o.controls << " refused " << o.refused;
}
outcome read_all(const std::string& in, size_t step, receive_rules rules = {}) {
    receiver r(rules);
    outcome out;
    size_t at = 0;
    while (at < in.size() || r.in_payload()) {
        const auto part = bytes_of(in).subspan(at, std::min(step, in.size() - at));
        if (r.in_payload()) {
            const auto n = std::min<uint64_t>(part.size(), r.left());
            if (n == 0 && r.left() > 0) return out;
            std::string plain(n, '\0');
            r.unmask(part.data(), reinterpret_cast<uint8_t*>(plain.data()), n);
            r.advance(n);
            at += n;
            if (!r.accept(bytes_of(plain))) {
                out.refused = r.why().code;
                return out;
            }
            out.messages += plain;
            if (r.left() > 0) continue;
            if (r.last_frame()) out.messages += ']';
            if (!r.end_frame()) {
                out.refused = r.why().code;
                return out;
            }
            continue;
        }
        size_t used = 0;
        const bool starts = !r.in_message();
        switch (r.read(part, used)) {
            case event::none:
                break;
            case event::data:
                if (starts) out.messages += r.text() ? "text[" : "binary[";
                break;
            case event::violation:
                out.refused = r.why().code;
                return out;
            default:
                out.controls += std::string(r.control().begin(), r.control().end()) + ";";
        }
        at += used;
    }
    return out;
}
outcome read_all(const std::string& in, receive_rules rules = {}) {
    const auto whole = read_all(in, in.size(), rules);
    for (const size_t step : {1u, 2u, 3u, 7u}) EXPECT_EQ(read_all(in, step, rules), whole) << step;
    return whole;
}

TEST(frames, heads_are_read_as_they_are_written) {
    for (const uint64_t size : {0ull, 1ull, 125ull, 126ull, 127ull, 65535ull, 65536ull, 1ull << 40})
        for (const bool masked : {false, true}) {
            frame_head h;
            h.size = size;
            h.masked = masked;
            h.key = {1, 2, 3, 4};
            h.fin = size % 2 == 0;
            h.compressed = masked;
            uint8_t raw[frame_head_max];
            const size_t n = write_head(raw, h);
            head_reader r;
            for (size_t i = 0; i < n; ++i) {
                EXPECT_FALSE(r.complete());
                EXPECT_EQ(r.feed({raw + i, n - i < 3 ? n - i : 1}), n - i < 3 ? n - i : 1);
                if (n - i < 3) break;
            }
            ASSERT_TRUE(r.complete()) << size;
            bool canonical = false;
            const auto got = r.take(canonical);
            EXPECT_TRUE(canonical);
            EXPECT_EQ(got.size, size);
            EXPECT_EQ(got.masked, masked);
            EXPECT_EQ(got.fin, h.fin);
            EXPECT_EQ(got.compressed, h.compressed);
            EXPECT_EQ(got.key, masked ? h.key : mask_key());
        }
}

TEST(frames, a_mask_goes_on_where_it_was) {
    const mask_key key{0x11, 0x22, 0x33, 0x44};
    std::string text(100, 'x');
    for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>('a' + i % 26);
    std::vector<uint8_t> whole(text.size()), parts(text.size());
    apply_mask(bytes_of(text).data(), whole.data(), text.size(), key, 0);
    for (size_t at = 0; at < text.size();) {
        const size_t n = std::min<size_t>(at % 13 + 1, text.size() - at);
        apply_mask(bytes_of(text).data() + at, parts.data() + at, n, key, at);
        at += n;
    }
    EXPECT_EQ(whole, parts);
    EXPECT_EQ(whole[5], static_cast<uint8_t>(text[5] ^ 0x22));
}

TEST(messages, one_frame_several_and_none) {
    EXPECT_EQ(read_all(tests::frame(op_binary, "hello")).messages, "binary[hello]");
    EXPECT_EQ(read_all(tests::frame(op_text, "") + tests::frame(op_binary, "")).messages,
              "text[]binary[]");
    const auto parts = tests::frame(op_text, "a", {false}) + tests::frame(op_ping, "p") +
                       tests::frame(op_continuation, "", {false}) +
                       tests::frame(op_continuation, "b");
    EXPECT_EQ(read_all(parts).messages, "text[ab]");
    EXPECT_EQ(read_all(parts).controls, "p;");
    EXPECT_EQ(read_all(tests::frame(op_binary, std::string(70'000, 'x'))).messages.size(),
              70'000 + sizeof "binary[]" - 1);
}

TEST(messages, what_is_refused) {
    struct refused_case {
        const char* name;
        std::string in;
        uint16_t code;
    };
    const std::string big(126, 'x');
    const refused_case cases[] = {
        {"not masked", tests::frame(op_text, "x", {true, false, false}), 1002},
        {"RSV1", tests::frame(op_text, "x", {true, true}), 1002},
        {"RSV2", tests::frame(op_text, "x", {true, false, true, 0x20}), 1002},
        {"RSV3", tests::frame(op_text, "x", {true, false, true, 0x10}), 1002},
        {"opcode 3", tests::frame(3, "x"), 1002},
        {"opcode 11", tests::frame(11, ""), 1002},
        {"a ping in fragments", tests::frame(op_ping, "x", {false}), 1002},
        {"a large ping", tests::frame(op_ping, big), 1002},
        {"a ping with RSV1", tests::frame(op_ping, "x", {true, true}), 1002},
        {"a continuation of nothing", tests::frame(op_continuation, "x"), 1002},
        {"a message in a message",
         tests::frame(op_text, "x", {false}) + tests::frame(op_binary, "y"), 1002},
        {"two bytes of length for one", tests::frame(op_text, "x", {true, false, true, 0, 2}),
         1002},
        {"eight bytes of length for two", tests::frame(op_text, big, {true, false, true, 0, 8}),
         1002},
        {"a length with its first bit", std::string("\x82\xff\x80\0\0\0\0\0\0\0abcd", 14), 1002},
        {"no UTF-8", tests::frame(op_text, "\xc0\xaf"), 1007},
        {"a character cut off", tests::frame(op_text, "\xe2\x82"), 1007},
        {"a surrogate", tests::frame(op_text, "\xed\xa0\x80"), 1007},
        {"above U+10FFFF", tests::frame(op_text, "\xf4\x90\x80\x80"), 1007},
    };
    for (const auto& c : cases) EXPECT_EQ(read_all(c.in).refused, c.code) << c.name;
    receive_rules server;
    server.masked = false;
    EXPECT_EQ(read_all(tests::frame(op_text, "x"), server).refused, 1002) << "masked by a server";
    receive_rules binary;
    binary.text = false;
    EXPECT_EQ(read_all(tests::frame(op_text, "x"), binary).refused, 1003);
    receive_rules small;
    small.message_max = 10;
    small.frame_max = 8;
    EXPECT_EQ(read_all(tests::frame(op_binary, "123456789"), small).refused, 1009);
    const auto ten = tests::frame(op_binary, "12345678", {false});
    EXPECT_EQ(read_all(ten + tests::frame(op_continuation, "90"), small).refused, 0);
    EXPECT_EQ(read_all(ten + tests::frame(op_continuation, "901"), small).refused, 1009);
}

TEST(messages, characters_may_be_split_anywhere) {
    const std::string text = "\u00e4\u20ac\U0001f600";
    for (size_t cut = 0; cut <= text.size(); ++cut) {
        const auto in = tests::frame(op_text, text.substr(0, cut), {false}) +
                        tests::frame(op_continuation, text.substr(cut));
        EXPECT_EQ(read_all(in).messages, "text[" + text + "]");
    }
}

TEST(messages, codes_of_a_close) {
    const auto check = [](const std::string& payload) {
        uint16_t code = 0;
        std::string_view reason;
        violation why;
        return read_close(bytes_of(payload), code, reason, why) ? code : uint16_t(why.code + 10000);
    };
    const auto with = [](int c) {
        return std::string{static_cast<char>(c >> 8), static_cast<char>(c)};
    };
    EXPECT_EQ(check(""), code_none);
    EXPECT_EQ(check("x"), 11002);
    for (const int c : {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 3000, 4999})
        EXPECT_EQ(check(with(c)), c);
    for (const int c : {0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535})
        EXPECT_EQ(check(with(c)), 11002) << c;
    EXPECT_EQ(check(with(1000) + "\xff"), 11007);
}

// ---- compression ----

std::string squeeze(deflater& z, const std::string& text) {
    std::string out(2 * text.size() + 100, '\0');
    const auto d =
        z.step(bytes_of(text), {reinterpret_cast<uint8_t*>(out.data()), out.size()}, true);
    EXPECT_FALSE(d.failed || d.more);
    z.finish();
    // Behind a message that was flushed there is nothing to be flushed.
    return d.made < deflate_tail ? std::string(1, '\0') : out.substr(0, d.made - deflate_tail);
}
std::string expand(inflater& z, const std::string& in, size_t in_step, size_t out_step) {
    std::string out;
    std::vector<uint8_t> room(out_step);
    size_t at = 0;
    const auto take = [&](const deflated& d) {
        EXPECT_FALSE(d.failed);
        out.append(reinterpret_cast<const char*>(room.data()), d.made);
    };
    while (at < in.size() || z.has_more()) {
        const auto d = z.step(bytes_of(in).subspan(at, std::min(in_step, in.size() - at)), room);
        take(d);
        at += d.used;
        if (d.failed) return out;
    }
    for (deflated d{0, 0, true, false}; d.more;) take(d = z.finish(room));
    return out;
}

TEST(compression, there_and_back_with_and_without_takeover) {
    for (const bool takeover : {true, false})
        for (const int bits : {9, 12, 15})
            for (const size_t step : {1u, 3u, 1000u}) {
                compression c;
                agreed a{bits, bits, takeover, takeover};
                deflater out(c, a);
                inflater in(bits, takeover);
                size_t second = 0;
                for (const std::string& text :
                     {std::string("temperature: 21.5"), std::string("temperature: 21.5"),
                      std::string(), std::string(5000, 'a')}) {
                    const auto small = squeeze(out, text);
                    if (text.starts_with("temp")) second = small.size();
                    EXPECT_TRUE(expand(in, small, step, step) == text) << text.substr(0, 20);
                }
                EXPECT_EQ(second < 10, takeover) << "what came before helps, or does not";
            }
}

TEST(compression, what_is_no_deflate) {
    inflater z(15, true);
    std::vector<uint8_t> room(100);
    EXPECT_TRUE(z.step(bytes_of("\xff\xff\xff\xff"), room).failed);
}

struct offer_case {
    const char* offer;
    const char* answer;  // nullptr: declined
};
TEST(compression, offers) {
    compression c;
    c.window_bits = 15;
    const offer_case cases[] = {
        {"", nullptr},
        {"x-webkit-deflate-frame", nullptr},
        {"permessage-deflate", "permessage-deflate"},
        {"permessage-deflate; client_max_window_bits", "permessage-deflate"},
        {"x, permessage-deflate; client_max_window_bits=10",
         "permessage-deflate; client_max_window_bits=10"},
        {"permessage-deflate; server_max_window_bits=\"10\"",
         "permessage-deflate; server_max_window_bits=10"},
        {"permessage-deflate; server_no_context_takeover; client_no_context_takeover",
         "permessage-deflate; server_no_context_takeover; client_no_context_takeover"},
        {"permessage-deflate; server_max_window_bits=8", nullptr},
        {"permessage-deflate; server_max_window_bits=8, permessage-deflate", "permessage-deflate"},
        {"permessage-deflate; server_max_window_bits", nullptr},
        {"permessage-deflate; server_max_window_bits=16", nullptr},
        {"permessage-deflate; server_max_window_bits=010", nullptr},
        {"permessage-deflate; server_max_window_bits=10; server_max_window_bits=10", nullptr},
        {"permessage-deflate; server_no_context_takeover=1", nullptr},
        {"permessage-deflate; surprise", nullptr},
    };
    for (const auto& x : cases) {
        std::string answer;
        const auto got = choose_offer(x.offer, c, answer);
        EXPECT_EQ(got.has_value(), x.answer != nullptr) << x.offer;
        if (x.answer) {
            EXPECT_EQ(answer, x.answer) << x.offer;
        }
    }
    c.window_bits = 12;
    c.peer_window_bits = 11;
    c.takeover = c.peer_takeover = false;
    std::string answer;
    ASSERT_TRUE(choose_offer("permessage-deflate; client_max_window_bits", c, answer));
    EXPECT_EQ(answer,
              "permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
              "server_max_window_bits=12; client_max_window_bits=11");
}

TEST(compression, answers_to_an_offer) {
    compression c;
    bool wrong = false;
    EXPECT_FALSE(read_answer("", &c, wrong) || wrong);
    const auto got = read_answer("permessage-deflate; server_no_context_takeover", &c, wrong);
    ASSERT_TRUE(got && !wrong);
    EXPECT_FALSE(got->peer_takeover);
    EXPECT_TRUE(got->takeover);
    EXPECT_EQ(got->window_bits, 12);
    for (const char* bad : {"permessage-deflate; client_max_window_bits", "foo",
                            "permessage-deflate; x", "permessage-deflate, permessage-deflate"}) {
        EXPECT_FALSE(read_answer(bad, &c, wrong)) << bad;
        EXPECT_TRUE(wrong) << bad;
    }
    EXPECT_FALSE(read_answer("permessage-deflate", nullptr, wrong));
    EXPECT_TRUE(wrong) << "it was not offered";
}

}  // namespace
}  // namespace weft::ws
