// QoS 2 both ways: neither lost nor doubled.
#include "session/state/records.hpp"
#include "tests/world.hpp"

namespace weft::mqtt_kafka::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct qos2_test : world {
    void release(fake_client& c, uint16_t id) {
        as(c, [&](fake_client& x) { x.ack(6, id); });
    }
    std::vector<std::string> messages() {
        std::vector<std::string> out;
        in_kafka([&](fake_kafka& k) {
            for (const auto& r : k.records("mqtt-messages")) out.push_back(r.value.value_or(""));
        });
        return out;
    }
    static std::string header(const stored_record& r, const std::string& name) {
        for (const auto& h : r.headers)
            if (h.first == name) return h.second;
        return {};
    }
};

TEST_F(qos2_test, a_publish_is_received_and_released) {
    start();
    auto& p = connect("pub");
    publish(p, "t", "x", 7, {.qos = 2});
    EXPECT_THAT(p.acked(5), ElementsAre(7));
    in_kafka([](fake_kafka& k) {
        const auto r = k.records("mqtt-messages").at(0);
        EXPECT_EQ(header(r, "zilla:qos"), "2");
        EXPECT_EQ(header(r, "zilla:qos2").size(), 18u);
        EXPECT_EQ(r.headers.back().first, "zilla:qos");
    });
    release(p, 7);
    ASSERT_THAT(p.acked(7), ElementsAre(7));
    EXPECT_EQ(p.acks.back().reason, 0);
    release(p, 7);
    EXPECT_EQ(p.acks.back().reason, 0x92);
}

TEST_F(qos2_test, a_publish_sent_again_is_written_once) {
    start();
    auto& p = connect("pub");
    in_kafka([](fake_kafka& k) { k.answers = false; });
    publish(p, "t", "x", 7, {.qos = 2});
    publish(p, "t", "x", 7, {.qos = 2, .dup = true});
    EXPECT_THAT(p.acks, IsEmpty());
    in_kafka([](fake_kafka& k) {
        k.answers = true;
        k.answer_all();
    });
    EXPECT_THAT(p.acked(5), ElementsAre(7));
    publish(p, "t", "x", 7, {.qos = 2, .dup = true});
    EXPECT_THAT(p.acked(5), ElementsAre(7, 7));
    EXPECT_THAT(messages(), ElementsAre("x"));
    release(p, 7);
    publish(p, "t", "y", 7, {.qos = 2});
    EXPECT_THAT(messages(), ElementsAre("x", "y"));
}

TEST_F(qos2_test, a_refused_publish_frees_its_id) {
    start();
    auto& p = connect("pub");
    in_kafka([](fake_kafka& k) {
        k.error_topic = "mqtt-messages";
        k.produce_error = 10;
    });
    publish(p, "t", "x", 7, {.qos = 2});
    ASSERT_EQ(p.acks.size(), 1u);
    EXPECT_EQ(p.acks[0].type, 5);
    EXPECT_EQ(p.acks[0].reason, 0x97);
    in_kafka([](fake_kafka& k) { k.produce_error = 0; });
    publish(p, "t", "y", 7, {.qos = 2});
    EXPECT_THAT(messages(), ElementsAre("y"));
}

TEST_F(qos2_test, unreleased_ids_outlive_the_connection) {
    start();
    auto& p = connect_durable("pub");
    publish(p, "t", "x", 7, {.qos = 2});
    EXPECT_THAT(p.acked(5), ElementsAre(7));
    as(p, [](fake_client& x) { x.abort(); });
    auto& again = connect_durable("pub");
    publish(again, "t", "x", 7, {.qos = 2, .dup = true});
    EXPECT_THAT(again.acked(5), ElementsAre(7));
    EXPECT_THAT(messages(), ElementsAre("x"));
    release(again, 7);
    EXPECT_THAT(again.acked(7), ElementsAre(7));
    as(again, [](fake_client& x) { x.disconnect(0, 3600); });
    EXPECT_FALSE(stored("pub#offsets")) << "nothing is left to be known";
}

TEST_F(qos2_test, unreleased_ids_survive_a_killed_process) {
    start();
    auto& p = connect_durable("pub");
    publish(p, "t", "x", 7, {.qos = 2});
    publish(p, "t", "y", 8, {.qos = 2});
    release(p, 7);
    EXPECT_THAT(p.acked(7), ElementsAre(7));
    publish(p, "t", "z", 9, {.qos = 2});
    crash();
    auto& again = connect_durable("pub");
    ASSERT_TRUE(again.accepted);
    publish(again, "t", "y", 8, {.qos = 2, .dup = true});
    publish(again, "t", "z", 9, {.qos = 2, .dup = true});
    EXPECT_THAT(again.acked(5), ElementsAre(8, 9));
    EXPECT_THAT(messages(), ElementsAre("x", "y", "z"));
    release(again, 7);
    EXPECT_EQ(again.acks.back().reason, 0x92);
    publish(again, "t", "new", 7, {.qos = 2});
    EXPECT_THAT(messages(), ElementsAre("x", "y", "z", "new"));
}

TEST_F(qos2_test, a_late_write_of_a_dead_owner_is_delivered_once) {
    start();
    auto& s = connect("sub");
    subscribe(s, {{"t", 2}});
    auto& p = connect_durable("pub");
    publish(p, "t", "x", 7, {.qos = 2});
    stored_record copy;
    in_kafka([&](fake_kafka& k) { copy = k.records("mqtt-messages").back(); });
    in_kafka([&](fake_kafka& k) { k.append("mqtt-messages", copy); });
    EXPECT_THAT(payloads(s), ElementsAre("x"));
}

struct late_copy_test : qos2_test {
    void publish_three() {
        auto& p = connect_durable("pub");
        for (uint16_t id = 1; id <= 3; ++id)
            publish(p, "t", std::string(1, static_cast<char>('a' + id - 1)), id, {.qos = 2});
    }
    void copy_of_the_first() {
        in_kafka([](fake_kafka& k) {
            const stored_record first = k.records("mqtt-messages").front();
            k.append("mqtt-messages", first);
        });
    }
    void subscribe_and_go() {
        auto& s = connect_durable("sub");
        subscribe(s, {{"t", 2}});
        as(s, [](fake_client& x) { x.disconnect(0, 3600); });
    }
};

TEST_F(late_copy_test, is_not_delivered_from_history) {
    start();
    subscribe_and_go();
    publish_three();
    copy_of_the_first();
    EXPECT_THAT(payloads(connect_durable("sub")), ElementsAre("a", "b", "c"));
}

TEST_F(late_copy_test, is_not_delivered_live_when_the_first_was_read_from_history) {
    start();
    subscribe_and_go();
    publish_three();
    crash();
    auto& s = connect_durable("sub");
    EXPECT_THAT(payloads(s), ElementsAre("a", "b", "c"));
    copy_of_the_first();
    EXPECT_THAT(payloads(s), ElementsAre("a", "b", "c"));
}

TEST_F(late_copy_test, is_not_delivered_from_history_when_only_the_tail_saw_both) {
    start();
    auto& s = connect_durable("sub");
    subscribe(s, {{"t", 2}});
    publish_three();
    EXPECT_THAT(payloads(s), ElementsAre("a", "b", "c"));
    auto& other = connect("other");
    subscribe(other, {{"t", 2}});
    as(s, [](fake_client& x) { x.disconnect(0, 3600); });
    copy_of_the_first();
    EXPECT_THAT(payloads(other), IsEmpty());
    EXPECT_THAT(payloads(connect_durable("sub")), IsEmpty());
}

TEST_F(qos2_test, a_delivery_has_its_four_steps) {
    start();
    auto &p = connect("pub"), &s = connect("sub");
    subscribe(s, {{"t", 2}});
    s.acknowledges = false;
    publish(p, "t", "x", 1, {.qos = 2});
    ASSERT_EQ(s.publishes.size(), 1u);
    EXPECT_EQ(s.publishes[0].qos, 2);
    const uint16_t id = s.publishes[0].packet_id;
    as(s, [&](fake_client& x) { x.ack(5, id); });
    EXPECT_THAT(s.acked(6), ElementsAre(id));
    as(s, [&](fake_client& x) { x.ack(5, id); });
    EXPECT_THAT(s.acked(6), ElementsAre(id, id)) << "PUBREC again: PUBREL again";
    as(s, [&](fake_client& x) { x.ack(7, id); });
    as(s, [](fake_client& x) { x.ack(5, 999); });
    EXPECT_EQ(s.acks.back().reason, 0x92);
}

TEST_F(qos2_test, ids_are_recorded_before_they_are_used) {
    start();
    auto& s = connect_durable("sub");
    subscribe(s, {{"t", 2}});
    auto& p = connect("pub");
    in_kafka([](fake_kafka& k) {
        k.apart.clear();
        k.answers = false;
    });
    in_kafka([](fake_kafka& k) {
        auto r = record("t", "x");
        r.headers = {{"zilla:qos", "2"}};
        k.append("mqtt-messages", r);
    });
    EXPECT_THAT(s.publishes, IsEmpty());
    session_inflight f;
    ASSERT_EQ(decode(stored("sub#inflight").value(), f), decoded::ok);
    ASSERT_EQ(f.deliveries.size(), 1u);
    in_kafka([](fake_kafka& k) {
        k.answers = true;
        k.answer_all();
    });
    ASSERT_EQ(s.publishes.size(), 1u);
    EXPECT_EQ(s.publishes[0].packet_id, f.deliveries[0].packet_id);
    (void)p;
}

TEST_F(qos2_test, deliveries_go_on_where_they_were_after_a_kill) {
    start();
    auto &p = connect("pub"), &s = connect_durable("sub");
    subscribe(s, {{"t", 2}});
    s.acknowledges = false;
    publish(p, "t", "a", 1, {.qos = 2});
    publish(p, "t", "b", 2, {.qos = 2});
    ASSERT_EQ(s.publishes.size(), 2u);
    const uint16_t a = s.publishes[0].packet_id, b = s.publishes[1].packet_id;
    as(s, [&](fake_client& x) { x.ack(5, a); });
    EXPECT_THAT(s.acked(6), ElementsAre(a));
    crash();
    auto& p2 = connect("pub");
    publish(p2, "t", "c", 3, {.qos = 2});
    auto& again = connect_durable("sub");
    ASSERT_TRUE(again.accepted);
    ASSERT_THAT(payloads(again), ElementsAre("b", "c"));
    EXPECT_EQ(again.publishes[0].packet_id, b);
    EXPECT_TRUE(again.publishes[0].dup);
    EXPECT_FALSE(again.publishes[1].dup);
    EXPECT_EQ(again.acked(6).front(), a) << "received by the client, so only PUBREL";
}

}  // namespace
}  // namespace weft::mqtt_kafka::test
