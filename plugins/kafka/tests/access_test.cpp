// Guarded routes of all three kinds: who is refused, what SHARED streams are let through, and what
// an ACCESS stream is told on its way through the chain.
#include "tests/scripted_cluster.hpp"

#include <gmock/gmock.h>

extern "C" const weft_plugin* weft_plugin_1(void);

namespace weft::kafka::test {
namespace {

using ::testing::HasSubstr;
using weft::testing::subject;

constexpr const char* open_routes = R"({"exit": 9})";
constexpr const char* orders_guarded =
    R"({"guarded": {"g": ["orders"]}, "when": [{"topic": "orders"}],
    "exit": 9}, {"when": [{"topic": "t*"}], "exit": 9})";

struct guarded_chain {
    // The routes of the kinds, with exit 9 in place of the real one.
    explicit guarded_chain(const std::string& of_client = open_routes,
                           const std::string& of_server = open_routes) {
        host.guard("test:g", {});
        clerk = host.session("test:g", {"clerk", {}, {"orders", "more"}, {}});
        guest = host.session("test:g", {"guest", {}, {"more"}, {}});
        cluster.make("orders", {"old"});
        cluster.make("t");
        server = &run("cache_server", of_server, 9);
        client = &run("cache_client", of_client, server->id());
    }
    subject& run(const std::string& kind, std::string routes, uint64_t exit) {
        const std::string from = "\"exit\": 9";
        const std::string to = "\"exit\": " + std::to_string(exit);
        for (size_t at = 0; (at = routes.find(from, at)) != std::string::npos; at += to.size())
            routes.replace(at, from.size(), to);
        return host.run(weft_plugin_1, R"({"namespace": "test", "kind": ")" + kind +
                                           R"(", "name": ")" + kind + R"(", "routes": [)" + routes +
                                           "]}");
    }
    static peer& open(subject& to, uint8_t role, const std::string& topic, uint64_t auth,
                      uint8_t flags = 0) {
        meta_writer<weft_kafka_begin> m;
        m->role = role;
        m->flags = flags;
        m->topic = m.text(topic);
        to.auth = auth;
        return to.open(m.get());
    }
    peer& access(uint64_t auth, uint8_t flags = 0, const std::string& topic = "orders") {
        return open(*client, WEFT_KAFKA_ACCESS, topic, auth, flags);
    }

    weft::testing::host host;
    scripted_cluster cluster{host};
    subject *server = nullptr, *client = nullptr;
    uint64_t clerk = 0, guest = 0;
};

void expect_refused(peer& p) {
    const frame f = p.expect(WEFT_RESET);
    const auto m = f.as<weft_kafka_reset>();
    ASSERT_TRUE(m);
    EXPECT_EQ(m->error, 29);
    EXPECT_THAT(std::string(m.text(m->text)), HasSubstr("lets this client use topic 'orders'"));
    if (p.may_send()) p.abort();
}

// The flags of the answer; -1: there was none.
int answered(peer& p) {
    const frame f = p.expect(WEFT_BEGIN);
    const auto m = f.as<weft_kafka_begin>();
    return m ? m->flags : -1;
}

TEST(kafka_access, streams_of_who_is_not_admitted_are_refused) {
    guarded_chain c(orders_guarded);
    for (const uint8_t role : {WEFT_KAFKA_PRODUCE, WEFT_KAFKA_TAIL, WEFT_KAFKA_HISTORY,
                               WEFT_KAFKA_META, WEFT_KAFKA_OFFSETS, WEFT_KAFKA_ACCESS}) {
        for (const uint64_t who : {uint64_t{0}, c.guest})
            expect_refused(guarded_chain::open(*c.client, role, "orders", who));
        peer& clerks = guarded_chain::open(*c.client, role, "orders", c.clerk);
        clerks.expect(WEFT_BEGIN);
        clerks.abort();
        peer& other = guarded_chain::open(*c.client, role, "t", 0);
        other.expect(WEFT_BEGIN);
        other.abort();
    }
    c.host.finish();
}

TEST(kafka_access, shared_streams_are_let_through) {
    guarded_chain c(orders_guarded, orders_guarded);
    for (const uint8_t role :
         {WEFT_KAFKA_PRODUCE, WEFT_KAFKA_TAIL, WEFT_KAFKA_META, WEFT_KAFKA_OFFSETS}) {
        peer& p = guarded_chain::open(*c.client, role, "orders", 0, WEFT_KAFKA_SHARED);
        p.expect(WEFT_BEGIN);
        p.abort();
    }
    // What a cache opens for itself is shared, too: the record has come through the guarded server.
    peer& history =
        guarded_chain::open(*c.client, WEFT_KAFKA_HISTORY, "orders", 0, WEFT_KAFKA_SHARED);
    history.keep_window(1 << 20);
    history.expect(WEFT_BEGIN);
    EXPECT_EQ(history.expect(WEFT_DATA).payload, "old");
    history.abort();
    c.host.finish();
}

TEST(kafka_access, each_kind_on_the_way_is_asked) {
    for (const bool first : {true, false}) {
        guarded_chain c(first ? orders_guarded : open_routes, first ? open_routes : orders_guarded);
        expect_refused(c.access(c.guest));
        peer& clerks = c.access(c.clerk);
        EXPECT_EQ(answered(clerks), WEFT_KAFKA_GUARDED);
        clerks.end();
        EXPECT_TRUE(clerks.closed());
        peer& all = c.access(0, WEFT_KAFKA_SHARED);
        EXPECT_EQ(answered(all), WEFT_KAFKA_GUARDED);
        peer& other = c.access(0, WEFT_KAFKA_SHARED, "t");
        EXPECT_EQ(answered(other), 0);
        for (peer* p : {&all, &other}) p->end();
        EXPECT_EQ(c.cluster.accesses, 3u) << "the guest was refused before";
        c.host.finish();
    }
}

TEST(kafka_access, the_exit_sees_who_asks_and_its_answer_comes_back) {
    guarded_chain c;
    c.cluster.refuses_access = [&](uint64_t auth) { return auth == c.guest; };
    c.cluster.access_flags = WEFT_KAFKA_GUARDED;
    EXPECT_EQ(answered(c.access(c.clerk)), WEFT_KAFKA_GUARDED);
    peer& guests = c.access(c.guest);
    const frame f = guests.expect(WEFT_RESET);
    ASSERT_TRUE(f.as<weft_kafka_reset>());
    EXPECT_EQ(f.as<weft_kafka_reset>()->error, 29);
}

TEST(kafka_access, an_exit_that_knows_no_such_streams_guards_nothing) {
    guarded_chain c(orders_guarded);
    c.cluster.knows_access = false;
    peer& all = c.access(0, WEFT_KAFKA_SHARED);
    EXPECT_EQ(answered(all), WEFT_KAFKA_GUARDED) << "what this one guards is guarded";
    peer& other = c.access(0, WEFT_KAFKA_SHARED, "t");
    EXPECT_EQ(answered(other), 0);
    EXPECT_EQ(answered(c.access(c.clerk)), WEFT_KAFKA_GUARDED);
    expect_refused(c.access(c.guest));
}

TEST(kafka_access, a_later_route_for_all_lets_all_in_by_the_same_exit_only) {
    const std::string guarded = R"({"guarded": {"g": ["orders"]}, "exit": 9}, )";
    {
        guarded_chain same(guarded + R"({"exit": 9})");
        EXPECT_EQ(answered(same.access(same.guest)), 0);
    }
    guarded_chain other(guarded + R"({"exit": 77})");
    expect_refused(other.access(other.guest));
    EXPECT_EQ(answered(other.access(0, WEFT_KAFKA_SHARED)), WEFT_KAFKA_GUARDED);
}

TEST(kafka_access, the_client_kind_answers_without_kafka) {
    guarded_chain c;
    subject& kafka = c.run("client", orders_guarded, 9);
    expect_refused(guarded_chain::open(kafka, WEFT_KAFKA_ACCESS, "orders", c.guest));
    for (const uint8_t role : {WEFT_KAFKA_PRODUCE, WEFT_KAFKA_FETCH, WEFT_KAFKA_META})
        expect_refused(guarded_chain::open(kafka, role, "orders", 0));
    peer& clerks = guarded_chain::open(kafka, WEFT_KAFKA_ACCESS, "orders", c.clerk);
    EXPECT_EQ(answered(clerks), WEFT_KAFKA_GUARDED);
    clerks.end();
    EXPECT_TRUE(clerks.closed());
    peer& all = guarded_chain::open(kafka, WEFT_KAFKA_ACCESS, "t", 0, WEFT_KAFKA_SHARED);
    EXPECT_EQ(answered(all), 0);
    peer& nowhere =
        guarded_chain::open(kafka, WEFT_KAFKA_ACCESS, "elsewhere", 0, WEFT_KAFKA_SHARED);
    const frame f = nowhere.expect(WEFT_RESET);
    ASSERT_TRUE(f.as<weft_kafka_reset>());
    EXPECT_EQ(f.as<weft_kafka_reset>()->error, -1);
    kafka.drain(WEFT_DRAIN_REPLACE);
    all.expect(WEFT_DRAIN);
    all.end();
    EXPECT_TRUE(all.closed());
}

TEST(kafka_access, those_that_stay_are_asked_to_move) {
    guarded_chain c(orders_guarded);
    peer& all = c.access(0, WEFT_KAFKA_SHARED);
    answered(all);
    c.client->drain(WEFT_DRAIN_REPLACE);
    all.expect(WEFT_DRAIN);
    peer& late = c.access(0, WEFT_KAFKA_SHARED);
    late.expect(WEFT_DRAIN);
    answered(late);
    for (peer* p : {&all, &late}) p->end();
    EXPECT_TRUE(all.closed() && late.closed());
}

}  // namespace
}  // namespace weft::kafka::test
