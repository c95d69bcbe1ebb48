// The plugin as the host runs it: loaded through its entry, between a scripted client and a
// scripted session provider, however its input is cut and its output is throttled.
#include "scripted.hpp"

#include <array>
#include <set>

namespace weft::mqtt {
namespace {

using namespace std::chrono_literals;

// What a client says from its CONNECT to its DISCONNECT, and what it must hear. It waits for the
// answers to one part before it says the next: a PUBREL answers a PUBREC.
struct dialogue {
    const char* name;
    std::array<const char*, 3> client;
    const char* answers;
};
[[maybe_unused]] void PrintTo(const dialogue& d, std::ostream* o) {
    *o << d.name;
}

const dialogue dialogues[] = {
    {"v5",
     {"10 { 0004 'MQTT' 05 06 003c { 21 0010 } 0003 'dev' 00 0004 'will' 0004 'gone' }"
      "30 { 0003 'a/b' 00 'zero' }"
      "32 { 0003 'a/b' 0007 { 26 0001 'k' 0001 'v' } 'once at least' }"
      "34 { 0003 'a/b' 0008 00 'exactly once' }",
      "62 02 0008 82 { 0009 00 0003 'a/#' 01 } a2 { 000a 00 0003 'a/#' }", "c0 00 e0 00"},
     "20 { 00 00 { 21 0010 22 0010 27 00100000 } }"
     "40 02 0007 50 02 0008 70 02 0008 90 { 0009 00 01 } b0 { 000a 00 11 } d0 00"},
    {"v311",
     {"10 { 0004 'MQTT' 04 06 003c 0003 'dev' 0004 'will' 0004 'gone' }"
      "30 { 0003 'a/b' 'zero' }"
      "32 { 0003 'a/b' 0007 'once at least' }"
      "34 { 0003 'a/b' 0008 'exactly once' }",
      "62 02 0008 82 { 0009 0003 'a/#' 01 } a2 { 000a 0003 'a/#' }", "c0 00 e0 00"},
     "20 02 0000 40 02 0007 50 02 0008 70 02 0008 90 { 0009 01 } b0 02 000a d0 00"},
};

// What the provider must hear of either, one line per message.
const std::vector<std::string> all_heard = {"will will gone",
                                            "publish a/b 0 zero",
                                            "publish a/b 1 once at least",
                                            "publish a/b 2 exactly once",
                                            "ack 6 8",
                                            "subscribe a/#",
                                            "unsubscribe a/#",
                                            "end 0"};

class dialogue_test : public ::testing::TestWithParam<dialogue> {
protected:
    static size_t size() {
        size_t n = 0;
        for (const char* part : GetParam().client) n += hex(part).size();
        return n;
    }
    // Runs the dialogue; the client's bytes come in pieces that end at `cuts` and with each part.
    void run(mqtt_world& world, const std::set<size_t>& cuts, uint32_t window = plenty) {
        peer& client = world.connect({}, window);
        size_t sent = 0;
        for (const char* text : GetParam().client) {
            const std::string part = hex(text);
            size_t from = 0;
            for (auto c = cuts.upper_bound(sent); c != cuts.end() && *c - sent < part.size(); ++c) {
                client.send(std::string_view(part).substr(from, *c - sent - from));
                from = *c - sent;
            }
            client.send(std::string_view(part).substr(from));
            sent += part.size();
        }
        ASSERT_EQ(world.providers.size(), 1u);
        EXPECT_EQ(world.providers.back()->heard, all_heard);
        EXPECT_EQ(to_hex(client.take_data()), to_hex(hex(GetParam().answers)));
        leave(client);
        EXPECT_TRUE(world.sessions.back()->closed());
        EXPECT_EQ(world.mqtt.streams(), 0u);
        EXPECT_EQ(world.mqtt.metric("mqtt.connections"), 0u);
        world.host.finish();
    }
};
INSTANTIATE_TEST_SUITE_P(mqtt_plugin, dialogue_test, ::testing::ValuesIn(dialogues),
                         [](const auto& i) { return std::string(i.param.name); });

TEST_P(dialogue_test, in_two_pieces_cut_anywhere) {
    for (size_t cut = 1; cut < size() && !HasFailure(); ++cut) {
        SCOPED_TRACE("cut at " + std::to_string(cut));
        mqtt_world world;
        run(world, {cut});
    }
}

TEST_P(dialogue_test, byte_by_byte) {
    std::set<size_t> cuts;
    for (size_t i = 1; i < size(); ++i) cuts.insert(i);
    mqtt_world world;
    run(world, cuts);
}

TEST_P(dialogue_test, to_a_client_that_reads_byte_by_byte) {
    mqtt_world world;
    run(world, {}, 1);
}

TEST_P(dialogue_test, with_every_frame_through_the_inbox) {
    mqtt_world world;
    world.host.queue_everything();
    run(world, {});
}

TEST(mqtt_plugin, a_provider_without_credit_holds_back_publishes_but_not_pings) {
    mqtt_world world;
    world.host.on_open = nullptr;
    peer& client = world.connect("10 { 0004 'MQTT' 05 02 003c 00 0003 'dev' }");
    peer& session = world.host.accepted();
    meta_writer<weft_mqtt_begin> m;
    m->qos_max = 2;
    session.begin(m.get());
    client.take_data();
    client.send(hex("30 { 0001 'a' 00 'held' } c0 00"));
    EXPECT_EQ(to_hex(client.take_data()), "d0 00");
    session.expect_nothing();
    session.window(3);
    session.expect_nothing();
    session.window(4);
    EXPECT_EQ(session.expect_data(), "held");
    EXPECT_EQ(client.credit(), client.granted() - hex("10 { 0004 'MQTT' 05 02 003c 00 0003 'dev' }"
                                                      "30 { 0001 'a' 00 'held' } c0 00")
                                                      .size());
    world.host.finish();
}

// Far more than any window, to and from a client that takes little at a time.
TEST(mqtt_plugin, a_large_payload_passes_through_small_windows_both_ways) {
    std::string payload(100'000, '\0');
    for (size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<char>('a' + i % 26);
    mqtt_world world(server_config, 4'096);
    peer& client = world.connect("10 { 0004 'MQTT' 05 02 003c 00 0003 'dev' }", 999);
    client.take_data();
    std::string raw(1, 0x32);
    raw += with_length(hex("0001 't' 0001 00") + payload);
    for (std::string_view left = raw; !left.empty();) {
        const auto n = std::min<size_t>(left.size(), client.credit());
        ASSERT_GT(n, 0u) << "no credit with " << left.size() << " bytes to go";
        client.send(left.substr(0, n));
        left.remove_prefix(n);
    }
    EXPECT_TRUE(world.providers[0]->heard == std::vector{"publish t 1 " + payload});
    EXPECT_EQ(to_hex(client.take_data()), "40 02 00 01");

    peer& session = *world.sessions[0];
    meta_writer<weft_mqtt_publish> m;
    m->format = WEFT_MQTT_FORMAT_NONE;
    m->topic = m.text("t");
    std::string_view left = payload;
    for (uint16_t flags = WEFT_INIT; !left.empty(); flags = 0) {
        ASSERT_GT(session.credit(), session.padding());
        const auto n = std::min<size_t>(left.size(), session.credit() - session.padding());
        m->deferred = static_cast<uint32_t>(left.size() - n);
        if (n == left.size()) flags |= WEFT_FIN;
        session.send(left.substr(0, n), flags & WEFT_INIT ? m.get() : nullptr, flags);
        left.remove_prefix(n);
    }
    EXPECT_TRUE(client.take_data() ==
                std::string(1, 0x30) + with_length(hex("0001 't' 00") + payload));
    world.host.finish();
}

TEST(mqtt_plugin, silence_ends_a_client_after_one_and_a_half_times_its_keep_alive) {
    mqtt_world world;
    peer& client = world.connect_v5();
    world.host.advance(14s);
    client.send(hex("c0 00"));
    EXPECT_EQ(to_hex(client.take_data()), "d0 00");
    world.host.advance(14'900ms);
    EXPECT_FALSE(client.ended());
    world.host.advance(600ms);
    mqtt_world::expect_disconnect(client, "8d");
    EXPECT_TRUE(world.host.emitted("binding.mqtt.keep.alive.timeout"));
    EXPECT_EQ(world.providers[0]->heard, std::vector<std::string>{"abort"});
    leave(client);
    EXPECT_EQ(world.mqtt.timers(), 0u) << "an idle server wakes nobody";
    world.host.finish();
}

TEST(mqtt_plugin, a_will_is_with_the_provider_before_the_client_may_go_on) {
    mqtt_world world;
    world.host.on_open = nullptr;
    peer& client = world.connect(
        "10 { 0004 'MQTT' 05 0e 003c 00 0003 'dev' { 18 0000001e } 0003 't/1' 0004 'gone' }");
    peer& session = world.host.accepted();
    const auto up = session.opened_with().as<weft_mqtt_begin>();
    ASSERT_TRUE(up);
    EXPECT_TRUE(up->flags & WEFT_MQTT_WILL);
    EXPECT_EQ(up.text(up->client_id), "dev");
    meta_writer<weft_mqtt_begin> m;
    m->qos_max = 2;
    m->capabilities = WEFT_MQTT_CAP_WILL;
    session.begin(m.get());
    client.expect(WEFT_BEGIN);
    client.expect_nothing();
    session.window(plenty);
    const frame f = session.expect(WEFT_DATA);
    const auto will = f.as<weft_mqtt_will>();
    ASSERT_TRUE(will);
    EXPECT_EQ(will->delay_s, 30u);
    EXPECT_EQ(will->qos, 1);
    EXPECT_EQ(f.payload, "gone");
    EXPECT_EQ(to_hex(client.take_data()).substr(0, 2), "20");
    client.abort();  // the network broke: it is to be published
    session.expect(WEFT_ABORT);
    world.host.finish();
}

TEST(mqtt_plugin, a_provider_that_ends_a_session_gives_the_client_its_reason) {
    for (const bool with_reason : {true, false}) {
        mqtt_world world;
        peer& client = world.connect_v5();
        meta_writer<weft_mqtt_reset> why;
        why->reason = 0x8e;
        world.sessions[0]->reset(with_reason ? why.get() : nullptr);
        mqtt_world::expect_disconnect(client, with_reason ? "8e" : "80");
        EXPECT_TRUE(world.sessions[0]->closed());
        world.host.finish();
    }
}

TEST(mqtt_plugin, without_a_provider_the_server_is_unavailable) {
    mqtt_world world;
    world.host.refuse_exit(weft::testing::exit_id);
    peer& client = world.connect("10 { 0004 'MQTT' 05 02 003c 00 0003 'dev' }");
    EXPECT_EQ(to_hex(client.take_data().substr(3, 1)), "88");
    leave(client);
    world.host.finish();
}

TEST(mqtt_plugin, a_replaced_server_serves_on_until_its_deadline) {
    mqtt_world world;
    peer& client = world.connect_v5();
    world.mqtt.drain(WEFT_DRAIN_REPLACE, world.host.now_ns() + 2'000'000'000);
    world.host.advance(1'999ms);
    client.send(hex("32 { 0001 't' 0007 00 'x' }"));
    EXPECT_EQ(to_hex(client.take_data()), "40 02 00 07");
    EXPECT_FALSE(client.ended());
    world.host.advance(1ms);
    mqtt_world::expect_disconnect(client, "8b");
    EXPECT_EQ(world.providers[0]->heard.back(), "abort");
    leave(client);
    EXPECT_EQ(world.mqtt.streams(), 0u) << "nothing holds up the detach";
    world.host.finish();
}

TEST(mqtt_plugin, the_end_of_the_process_is_said_at_once) {
    mqtt_world world;
    peer& client = world.connect_v5();
    world.mqtt.drain(WEFT_DRAIN_STOP, world.host.now_ns() + 2'000'000'000);
    mqtt_world::expect_disconnect(client, "8b");
    world.host.finish();
}

// Whichever allocation fails, it costs that client at most, and never what others have.
TEST(mqtt_plugin, memory_that_runs_out_costs_one_client) {
    for (int64_t n = 0; n < 6; ++n) {
        SCOPED_TRACE("after " + std::to_string(n) + " allocations");
        mqtt_world world;
        peer& other = world.connect_v5();
        peer& client = world.connect({}, plenty);
        world.host.allocations_left(n);
        client.send(hex("10 { 0004 'MQTT' 05 02 003c 00 0003 'too' } 32 { 0001 't' 0007 00 'x' }"));
        world.host.allocations_left(-1);
        EXPECT_FALSE(other.ended());
        other.send(hex("c0 00"));
        EXPECT_EQ(to_hex(other.take_data()), "d0 00");
        world.host.finish();
    }
}

TEST(mqtt_plugin, a_configuration_that_makes_no_sense_is_refused_with_its_place) {
    weft::testing::host host;
    try {
        host.run(weft_plugin_1,
                 R"({"options": {"authentication": {"file": "/nowhere/passwords"}}})");
        FAIL() << "accepted";
    } catch (const weft::testing::refused& e) {
        EXPECT_EQ(e.step(), "create");
        EXPECT_EQ(e.path(), "/options/authentication/file");
        EXPECT_NE(e.text().find("/nowhere/passwords"), std::string::npos) << e.text();
    }
    host.finish();
}

}  // namespace
}  // namespace weft::mqtt
