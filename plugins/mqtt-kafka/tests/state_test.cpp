// Values and keys of the sessions topic: the byte vectors of the format.
#include "session/state/keys.hpp"
#include "session/state/records.hpp"

#include <gmock/gmock.h>

namespace weft::mqtt_kafka {
namespace {

std::string bytes(std::string_view hex) {
    std::string out, digits;
    for (const char c : hex)
        if (c != ' ') digits.push_back(c);
    for (size_t i = 0; i + 1 < digits.size(); i += 2)
        out.push_back(static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16)));
    return out;
}

TEST(state_test, session_state) {
    EXPECT_EQ(encode(session_state{}), bytes("01 04000000 00000000"));
    session_state s;
    s.filters.push_back({1, 0, session_state::send_retained, 0, "sensor/one"});
    EXPECT_EQ(encode(s), bytes("01 17000000 01000000 01000000 00 01 00 0a00 73656e736f722f6f6e65"));
    s.filters[0] = {1, 1, 5, 0, "sensor/one"};
    s.filters.push_back({258, 2, 0, 0, "a/#"});
    const auto two = bytes(
        "01 23000000 02000000 01000000 01 05 00 0a00 73656e736f722f6f6e65 02010000 02 00 00 0300 "
        "612f23");
    EXPECT_EQ(encode(s), two);
    session_state back;
    ASSERT_EQ(decode(two, back), decoded::ok);
    ASSERT_EQ(back.filters.size(), 2u);
    EXPECT_EQ(back.filters[1].id, 258u);
    EXPECT_EQ(back.filters[1].pattern, "a/#");
}

TEST(state_test, signals) {
    session_signal w{session_signal::will, "zilla-1", "client-1", 1000, -1, "L", "W"};
    EXPECT_EQ(encode(w), bytes("00 0700 7a696c6c612d31 0800 636c69656e742d31 e8030000 "
                               "ffffffffffffffff 0100 4c 0100 57"));
    session_signal e{session_signal::expiry, "zilla-1", "client-1", 1000, -1, {}, {}};
    const auto expiry = bytes(
        "01 0700 7a696c6c612d31 0800 636c69656e742d31 e8030000 "
        "ffffffffffffffff");
    EXPECT_EQ(encode(e), expiry);
    session_signal back;
    ASSERT_EQ(decode(expiry, back), decoded::ok);
    EXPECT_EQ(back.kind, session_signal::expiry);
    EXPECT_EQ(back.client_id, "client-1");
    EXPECT_EQ(back.at_ms, -1);
}

TEST(state_test, will_messages) {
    will_message a;
    a.topic = "wills";
    a.qos = 1;
    a.flags = will_message::retain;
    a.format = 1;
    a.lifetime_id = "L";
    a.will_id = "W";
    a.properties.emplace_back("k", "v");
    a.payload = "data";
    EXPECT_EQ(encode(a),
              bytes("0500 77696c6c73 00000000 01 01 ffffffff ffff 01 ffff 0100 4c 0100 57 ffffffff "
                    "0a000000 01000000 0100 6b 0100 76 0400") +
                  "data");
    will_message b;
    b.topic = "wills";
    b.content_type = "ct";
    b.response_topic = "r/1";
    b.lifetime_id = "L";
    b.will_id = "W";
    b.correlation = "\x01\x02";
    const auto encoded = bytes(
        "0500 77696c6c73 00000000 00 00 ffffffff 0200 6374 02 0300 722f31 0100 4c 0100 57 02000000 "
        "0102 04000000 00000000 0000");
    EXPECT_EQ(encode(b), encoded);
    will_message back;
    ASSERT_EQ(decode(encoded, back), decoded::ok);
    EXPECT_EQ(back.correlation, "\x01\x02");
    EXPECT_EQ(back.content_type, "ct");
    EXPECT_EQ(decode(encoded + "x", back), decoded::malformed);
}

TEST(state_test, session_offsets) {
    EXPECT_EQ(encode(session_offsets{}), bytes("01 04000000 00000000"));
    session_offsets o;
    o.partitions.push_back({"mqtt-messages", 0, 1, 1, 1, {}});
    EXPECT_EQ(encode(o), bytes("01 2f000000 01000000 0d00 6d7174742d6d65737361676573 00000000 "
                               "0100000000000000 0100000000000000 0100 00000000 ffff"));
    o.partitions[0] = {"mqtt-messages", 2, 3, 4, 5, {7}};
    const auto seven = bytes(
        "01 31000000 01000000 0d00 6d7174742d6d65737361676573 02000000 "
        "0300000000000000 0400000000000000 0500 00000000 0100 0700");
    EXPECT_EQ(encode(o), seven);
    session_offsets back;
    ASSERT_EQ(decode(seven, back), decoded::ok);
    EXPECT_THAT(back.partitions.at(0).packet_ids, testing::ElementsAre(7));
}

TEST(state_test, own_records_come_back) {
    session_inflight f;
    f.deliveries.push_back({7, "mqtt-messages", 2, 1234567890123, 2, session_inflight::received});
    f.positions.push_back({"mqtt-messages", 0, 5});
    const auto encoded = encode(f);
    EXPECT_EQ(encoded,
              bytes("01 23000000 01000000 0700 0d00 6d7174742d6d65737361676573 02000000 "
                    "cb04fb711f010000 02 01 1f000000 01000000 0d00 6d7174742d6d65737361676573 "
                    "00000000 0500000000000000"));
    session_inflight back;
    ASSERT_EQ(decode(encoded, back), decoded::ok);
    EXPECT_EQ(back.deliveries.at(0).offset, 1234567890123);
    owner_claim c;
    ASSERT_EQ(decode(encode(owner_claim{"weft-1", -5, 9}), c), decoded::ok);
    EXPECT_EQ(c.instance, "weft-1");
    EXPECT_EQ(c.nonce, -5);
}

TEST(state_test, other_versions_and_cut_values_are_told_apart) {
    session_state s;
    EXPECT_EQ(decode(bytes("02 04000000 00000000"), s), decoded::unknown_version);
    const auto whole = bytes("01 17000000 01000000 01000000 00 01 00 0a00 73656e736f722f6f6e65");
    for (size_t n = 0; n < whole.size(); ++n)
        EXPECT_EQ(decode(std::string_view(whole).substr(0, n), s), decoded::malformed) << n;
}

TEST(state_test, keys) {
    EXPECT_EQ(key_of(session_key::will_message, "bob", "L"), "bob#will-L");
    EXPECT_EQ(key_of(session_key::state, "bob"), "bob");
    for (const auto k :
         {session_key::owner, session_key::offsets, session_key::inflight, session_key::will,
          session_key::will_message, session_key::expiry, session_key::state}) {
        const std::string key = key_of(k, "a#b/c");
        ASSERT_TRUE(split(key)) << key;
        EXPECT_EQ(split(key)->key, k) << key;
        EXPECT_EQ(split(key)->client_id, "a#b/c");
    }
    EXPECT_FALSE(split("bob#migrate"));
    EXPECT_EQ(epoch_of(epoch_bytes(0x0102030405060708)), 0x0102030405060708);
    EXPECT_EQ(epoch_bytes(1), bytes("0000000000000001"));
}

}  // namespace
}  // namespace weft::mqtt_kafka
