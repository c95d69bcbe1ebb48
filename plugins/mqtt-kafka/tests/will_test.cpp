// Wills: stored, published when the client goes without a word, discarded when it does not.
#include "session/state/records.hpp"
#include "tests/world.hpp"

namespace weft::mqtt_kafka::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct will_test : world {
    fake_client& connect_with_will(const std::string& id, will_options w, uint32_t expiry_s = 0,
                                   uint8_t flags = WEFT_MQTT_CLEAN_START) {
        auto& c = new_client();
        c.will = std::move(w);
        c.session_expiry = expiry_s;
        connect(c, id, 65535, flags);
        return c;
    }
    std::vector<std::string> wills(const std::string& topic = "mqtt-messages") {
        std::vector<std::string> out;
        in_kafka([&](fake_kafka& k) {
            for (const auto& r : k.records(topic)) out.push_back(r.value.value_or(""));
        });
        return out;
    }
    size_t will_keys() {
        std::map<std::string, bool> there;
        in_kafka([&](fake_kafka& k) {
            for (const auto& r : k.records("mqtt-sessions"))
                if (r.key->find("#will") != std::string::npos) there[*r.key] = r.value.has_value();
        });
        return static_cast<size_t>(
            std::count_if(there.begin(), there.end(), [](const auto& t) { return t.second; }));
    }
};

TEST_F(will_test, a_broken_connection_publishes_it) {
    start();
    auto& c = connect_with_will("one", {"wills/one", "gone", 1, true, 0, {{"k", "v"}}});
    ASSERT_TRUE(c.accepted);
    EXPECT_TRUE(c.accepted->capabilities & WEFT_MQTT_CAP_WILL);
    EXPECT_EQ(will_keys(), 2u);
    as(c, [](fake_client& x) { x.abort(); });
    EXPECT_THAT(wills(), ElementsAre("gone"));
    EXPECT_THAT(wills("mqtt-retained"), ElementsAre("gone"));
    EXPECT_EQ(will_keys(), 0u);
    in_kafka([](fake_kafka& k) {
        bool property = false;
        const auto written = k.records("mqtt-messages").at(0);
        for (const auto& h : written.headers) {
            EXPECT_NE(h.first, "zilla:local");
            property |= h == std::pair<std::string, std::string>("k", "v");
        }
        EXPECT_TRUE(property);
    });
}

TEST_F(will_test, a_disconnect_discards_it) {
    start();
    auto& c = connect_with_will("one", {"wills/one", "gone"});
    as(c, [](fake_client& x) { x.disconnect(0, 0); });
    EXPECT_THAT(wills(), IsEmpty());
    EXPECT_EQ(will_keys(), 0u);
}

TEST_F(will_test, a_disconnect_may_ask_for_it) {
    start();
    auto& c = connect_with_will("one", {"device/1", "gone"});
    as(c, [](fake_client& x) { x.disconnect(4, 0); });
    EXPECT_THAT(wills("mqtt-devices"), ElementsAre("gone")) << "routed as any publish";
}

TEST_F(will_test, a_delay_waits_and_a_reconnect_discards_it) {
    start();
    auto& c = connect_with_will("one", {"w", "gone", 1, false, 1000}, 3600, 0);
    as(c, [](fake_client& x) { x.abort(); });
    EXPECT_THAT(wills(), IsEmpty());
    EXPECT_EQ(will_keys(), 2u);
    EXPECT_TRUE(connect_durable("one").accepted);
    EXPECT_THAT(wills(), IsEmpty());
    EXPECT_EQ(will_keys(), 0u);
}

TEST_F(will_test, a_delay_passes) {
    start();
    auto& c = connect_with_will("one", {"w", "gone", 1, false, 1}, 3600, 0);
    as(c, [](fake_client& x) { x.abort(); });
    until([&] { return !kafka().records("mqtt-messages").empty(); });
    EXPECT_THAT(wills(), ElementsAre("gone"));
    EXPECT_EQ(will_keys(), 0u);
    EXPECT_TRUE(stored("one"));
}

TEST_F(will_test, the_end_of_the_session_ends_the_delay) {
    start();
    auto& c = connect_with_will("one", {"w", "gone", 1, false, 1000}, 0);
    as(c, [](fake_client& x) { x.abort(); });
    EXPECT_THAT(wills(), ElementsAre("gone"));
    auto& d = connect_with_will("two", {"w", "clean", 1, false, 1000}, 3600, 0);
    as(d, [](fake_client& x) { x.abort(); });
    connect("two");
    EXPECT_THAT(wills(), ElementsAre("gone", "clean")) << "a clean start ends the session";
}

TEST_F(will_test, a_takeover_publishes_it_once) {
    start();
    auto& c = connect_with_will("one", {"w", "gone"});
    connect("one");
    EXPECT_EQ(c.reset_reason, 0x8e);
    EXPECT_THAT(wills(), ElementsAre("gone"));
}

TEST_F(will_test, what_a_killed_process_leaves_is_published_by_the_next_owner) {
    start();
    connect_with_will("one", {"w", "gone", 2}, 3600, 0);
    crash();
    EXPECT_THAT(wills(), IsEmpty());
    EXPECT_TRUE(connect_durable("one").accepted);
    EXPECT_THAT(wills(), ElementsAre("gone"));
    EXPECT_EQ(will_keys(), 0u);
}

}  // namespace
}  // namespace weft::mqtt_kafka::test
