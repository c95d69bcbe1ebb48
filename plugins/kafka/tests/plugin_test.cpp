// The plugin as the host runs it: a cache_client before a cache_server before a scripted cluster,
// on real files, in one thread and in virtual time; and what a client says without any broker.
#include "tests/scripted_cluster.hpp"

#include <gmock/gmock.h>

extern "C" const weft_plugin* weft_plugin_1(void);

namespace weft::kafka::test {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr uint32_t plenty = 1 << 20;

struct begin_options {
    uint8_t flags = 0;
    int64_t from = 0;  // HISTORY
    std::vector<std::string> keys = {};
    uint32_t window = plenty;
    std::string group = {};  // OFFSETS
};

peer& open_stream(weft::testing::subject& to, uint8_t role, const std::string& topic,
                  const begin_options& o = {}) {
    meta_writer<weft_kafka_begin> m;
    m->role = role;
    m->flags = o.flags;
    m->topic = m.text(topic);
    if (!o.group.empty()) m->group = m.text(o.group);
    if (role == WEFT_KAFKA_HISTORY) {
        const weft_kafka_position at{o.from, -1, 0, 0};
        m->positions = m.list_of(std::span(&at, 1));
        m->filters = m.list<weft_kafka_filter>(o.keys.size());
        for (size_t i = 0; i < o.keys.size(); ++i) {
            const weft_ref pattern = m.text(o.keys[i]);
            m.item<weft_kafka_filter>(m->filters, i) = {pattern, WEFT_KAFKA_KEY_EQUALS, 0};
        }
    }
    peer& p = to.open(m.get());
    if (o.window && !p.closed()) p.keep_window(o.window);
    return p;
}

// The values of all records that came; other frames stay.
std::vector<std::string> take_records(peer& p) {
    std::vector<std::string> out;
    for (size_t n = p.frames().size(); n > 0; --n) {
        const frame f = p.take();
        if (f.kind == WEFT_DATA) out.push_back(f.payload);
    }
    return out;
}

// The state that the last FLUSH kafka.status told; -1: there was none.
int told_state(const peer& p) {
    int state = -1;
    for (const auto& f : p.frames())
        if (auto m = f.as<weft_kafka_status>()) state = static_cast<int>(m->state);
    return state;
}

// A chain as in a configuration. One folder outlives several of them.
class chain {
public:
    explicit chain(const std::string& directory = {}) : host({.directory = directory}) {}
    // Call it once the cluster is as it should be at first.
    void start(const std::string& client_when = "null") {
        server = &host.run(weft_plugin_1, R"({"kind": "cache_server", "name": "server",
                                              "options": {"bootstrap": ["t"]}})");
        client =
            &host.run(weft_plugin_1, R"({"kind": "cache_client", "name": "client",
            "routes": [{"when": )" + client_when +
                                         R"(, "exit": )" + std::to_string(server->id()) + "}]}");
    }
    peer& open(uint8_t role, const std::string& topic = "t", const begin_options& o = {}) {
        return open_stream(*client, role, topic, o);
    }
    weft::testing::host host;
    scripted_cluster cluster{host};
    weft::testing::subject *server = nullptr, *client = nullptr;
};

TEST(kafka_plugin, a_tail_brings_what_comes_from_now_on) {
    chain c;
    c.cluster.make("t", {"old", "older"});
    c.start();
    EXPECT_TRUE(c.server->ready());
    peer& tail = c.open(WEFT_KAFKA_TAIL);
    const frame b = tail.expect(WEFT_BEGIN);
    EXPECT_EQ(b.as<weft_kafka_begin>()->role, WEFT_KAFKA_TAIL);
    const frame f = tail.expect(WEFT_FLUSH);
    const auto m = f.as<weft_kafka_partitions>();
    ASSERT_TRUE(m);
    const auto list = m.list<weft_kafka_partition>(m->partitions);
    ASSERT_EQ(list.size(), 1u);
    EXPECT_EQ(list[0].next, 2);
    tail.expect_nothing();
    c.cluster.append("t", {"key", "new"});
    const frame d = tail.expect(WEFT_DATA);
    EXPECT_EQ(d.payload, "new");
    const auto r = d.as<weft_kafka_record>();
    ASSERT_TRUE(r);
    EXPECT_EQ(r.text(r->key), "key");
    EXPECT_EQ(r->offset, 2);
    c.host.finish();
}

TEST(kafka_plugin, every_frame_may_pass_through_the_inbox) {
    chain c;
    c.host.queue_everything();
    c.cluster.make("t", {"old"});
    c.start();
    peer &tail = c.open(WEFT_KAFKA_TAIL), &history = c.open(WEFT_KAFKA_HISTORY);
    c.cluster.append("t", {"key", "new"});
    EXPECT_THAT(take_records(tail), ElementsAre("new"));
    EXPECT_THAT(take_records(history), ElementsAre("old"));
    c.host.finish();
}

TEST(kafka_plugin, history_comes_from_the_log_and_ends) {
    chain c;
    c.cluster.make("t", {"a", "b", "c", "d"});
    c.start();
    peer& all = c.open(WEFT_KAFKA_HISTORY, "t", {.from = WEFT_KAFKA_OFFSET_BEGIN});
    EXPECT_TRUE(all.saw(WEFT_END));
    EXPECT_THAT(take_records(all), ElementsAre("a", "b", "c", "d"));
    peer& some = c.open(WEFT_KAFKA_HISTORY, "t", {.from = 2});
    EXPECT_THAT(take_records(some), ElementsAre("c", "d"));
    EXPECT_THAT(c.cluster.fetched_from, ElementsAre(0)) << "one copy serves them all";
    c.host.finish();
}

TEST(kafka_plugin, a_window_of_one_record_at_a_time_is_enough) {
    chain c;
    c.cluster.make("t", {"a", "b", "", "c"});
    c.start();
    peer& history = c.open(WEFT_KAFKA_HISTORY, "t", {.window = 1});
    EXPECT_TRUE(history.saw(WEFT_END));
    EXPECT_THAT(take_records(history), ElementsAre("a", "b", "", "c"));
    c.host.finish();
}

TEST(kafka_plugin, history_of_keys_and_of_the_newest_of_each) {
    chain c;
    c.cluster.cleanup = WEFT_KAFKA_COMPACTED;
    c.cluster.make("t");
    for (const char* key : {"x", "y", "x", "z", "y"})
        c.cluster.append("t", {key, key + std::to_string(c.cluster.topics["t"].size())});
    c.cluster.append("t", {"z", std::nullopt});
    c.start();
    EXPECT_THAT(take_records(c.open(WEFT_KAFKA_HISTORY, "t", {.keys = {"x"}})),
                ElementsAre("x0", "x2"));
    EXPECT_THAT(take_records(c.open(WEFT_KAFKA_HISTORY, "t", {.flags = WEFT_KAFKA_NEWEST_PER_KEY})),
                ElementsAre("x2", "y4"));
    c.host.finish();
}

TEST(kafka_plugin, what_is_produced_passes_both_caches_and_comes_back_on_a_tail) {
    chain c;
    c.cluster.make("t");
    c.start();
    peer& tail = c.open(WEFT_KAFKA_TAIL);
    peer& producer = c.open(WEFT_KAFKA_PRODUCE);
    producer.expect(WEFT_BEGIN);
    EXPECT_EQ(producer.credit(), plenty) << "of the cluster, not of the caches";
    meta_writer<weft_kafka_produce> m;
    m->token = 42;
    m->timestamp_ms = m->partition = -1;
    m->key = m.text("key");
    producer.send("value", m.get());
    const frame f = producer.expect(WEFT_FLUSH);
    const auto answer = f.as<weft_kafka_produced>();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->token, 42u);
    EXPECT_EQ(answer->offset, 0);
    EXPECT_THAT(take_records(tail), ElementsAre("value"));
    producer.end();
    producer.expect(WEFT_END);
    EXPECT_TRUE(producer.closed());
    c.host.finish();
}

// The places that the next FLUSH tells.
std::vector<weft_kafka_place> expect_places(peer& p, uint64_t token, int32_t error = 0) {
    const frame f = p.expect(WEFT_FLUSH);
    const auto m = f.as<weft_kafka_offsets>();
    if (!m) {
        ADD_FAILURE() << "not kafka.offsets";
        return {};
    }
    EXPECT_EQ(m->token, token);
    EXPECT_EQ(m->error, error);
    const auto list = m.list<weft_kafka_place>(m->places);
    return {list.begin(), list.end()};
}

// The stream of a group of which the cluster has told.
peer& open_group(chain& c) {
    peer& g = c.open(WEFT_KAFKA_OFFSETS, "t", {.group = "g"});
    g.expect(WEFT_BEGIN);
    expect_places(g, 0);
    return g;
}
void commit(peer& p, uint64_t token, int64_t next) {
    meta_writer<weft_kafka_offsets> m;
    m->token = token;
    const weft_kafka_place at{next, -1, -1, 0, 0};
    m->places = m.list_of(std::span(&at, 1));
    p.flush(m.get());
}

TEST(kafka_plugin, places_of_groups_pass_both_caches) {
    chain c;
    c.cluster.make("t", {"a", "b"});
    c.start();
    peer& g = c.open(WEFT_KAFKA_OFFSETS, "t", {.group = "g"});
    g.expect(WEFT_BEGIN);
    EXPECT_THAT(expect_places(g, 0), ::testing::IsEmpty()) << "a group that nobody knows";
    commit(g, 1, 2);
    expect_places(g, 1);
    c.cluster.commit_error = 30;
    commit(g, 2, 1);
    expect_places(g, 2, 30);
    peer& again = c.open(WEFT_KAFKA_OFFSETS, "t", {.group = "g"});
    again.expect(WEFT_BEGIN);
    const auto places = expect_places(again, 0);
    ASSERT_EQ(places.size(), 1u);
    EXPECT_EQ(places[0].offset, 2);
    EXPECT_EQ(places[0].end, 2);
    for (peer* p : {&g, &again}) {
        p->end();
        p->expect(WEFT_END);
        EXPECT_TRUE(p->closed());
    }
    c.host.finish();
}

// The cluster's end is lost, as when the binding before the brokers fails.
TEST(kafka_plugin, places_that_are_lost_are_the_openers_to_ask_again) {
    chain c;
    c.cluster.make("t");
    c.start();
    peer& g = open_group(c);
    c.cluster.break_streams(WEFT_KAFKA_OFFSETS);
    EXPECT_TRUE(g.saw(WEFT_ABORT));
    if (g.may_send()) g.abort();
    open_group(c);
    c.host.finish();
}

TEST(kafka_plugin, drained_caches_ask_groups_to_move_and_answer_what_is_under_way) {
    chain c;
    c.cluster.make("t");
    c.start();
    peer& g = open_group(c);
    c.client->drain(WEFT_DRAIN_REPLACE);
    c.server->drain(WEFT_DRAIN_REPLACE);
    EXPECT_TRUE(g.saw(WEFT_DRAIN));
    while (!g.frames().empty()) g.take();
    commit(g, 1, 5);
    expect_places(g, 1);
    g.end();
    EXPECT_EQ(c.client->streams(), 0u) << "nothing holds up the detach";
    c.host.finish();
}

TEST(kafka_plugin, what_has_no_route_or_no_sense_is_refused) {
    chain c;
    c.cluster.make("t");
    c.start(R"([{"topic": "t*"}])");
    for (peer* p : {&c.open(WEFT_KAFKA_TAIL, "elsewhere"), &c.open(WEFT_KAFKA_TAIL, "t/.."),
                    &c.open(WEFT_KAFKA_FETCH, "t"), &c.open(99, "t"), &c.client->open(),
                    &open_stream(*c.server, WEFT_KAFKA_TAIL, "t"), &c.server->open()}) {
        EXPECT_TRUE(p->saw(WEFT_RESET));
        if (p->may_send()) p->abort();
    }
    EXPECT_FALSE(c.open(WEFT_KAFKA_TAIL).saw(WEFT_RESET)) << "and costs nobody else anything";
    c.host.finish();
}

TEST(kafka_plugin, trouble_is_told_and_ends_nothing) {
    chain c;
    c.cluster.reachable = false;
    c.cluster.make("t", {"a"});
    c.start();
    EXPECT_FALSE(c.server->ready());
    EXPECT_EQ(c.server->waits_for(), "no broker answers");
    peer& tail = c.open(WEFT_KAFKA_TAIL);
    peer& missing = c.open(WEFT_KAFKA_TAIL, "missing");
    EXPECT_EQ(told_state(tail), WEFT_KAFKA_UNREACHABLE);
    c.cluster.come_back();
    EXPECT_TRUE(c.server->ready());
    EXPECT_EQ(told_state(tail), WEFT_KAFKA_OK);
    EXPECT_EQ(told_state(missing), WEFT_KAFKA_NO_TOPIC);
    c.cluster.append("t", {"k", "b"});
    EXPECT_THAT(take_records(tail), ElementsAre("b"));
    EXPECT_FALSE(missing.ended());
    c.host.finish();
}

TEST(kafka_plugin, a_fetch_that_breaks_goes_on_where_it_was) {
    chain c;
    c.cluster.make("t", {"a", "b"});
    c.start();
    peer& tail = c.open(WEFT_KAFKA_TAIL);
    c.cluster.break_fetches();
    c.cluster.append("t", {"k", "c"});
    EXPECT_THAT(take_records(tail), Not(::testing::Contains("c")));
    c.host.advance(5s);
    EXPECT_THAT(take_records(tail), ElementsAre("c"));
    EXPECT_THAT(c.cluster.fetched_from, ElementsAre(0, 1)) << "it compares the last that it has";
    c.host.finish();
}

TEST(kafka_plugin, a_log_outlives_its_process) {
    const weft::testing::temporary_folder temporary;
    const std::string& folder = temporary.path();
    for (const bool again : {false, true}) {
        chain c(folder);
        c.cluster.make("t", {"a", "b"});
        c.start();
        peer& history = c.open(WEFT_KAFKA_HISTORY);
        EXPECT_THAT(take_records(history), ElementsAre("a", "b"));
        EXPECT_EQ(c.cluster.fetched_from.front(), again ? 1 : 0);
        EXPECT_FALSE(c.host.emitted("binding.kafka.cache.emptied"));
        c.host.finish();
    }
    {
        chain c(folder);
        c.cluster.id = "another";
        c.cluster.make("t", {"x"});
        c.start();
        EXPECT_THAT(take_records(c.open(WEFT_KAFKA_HISTORY)), ElementsAre("x"));
        c.host.finish();
    }
}

TEST(kafka_plugin, drained_caches_ask_their_readers_to_move) {
    chain c;
    c.cluster.make("t", {"a"});
    c.start();
    peer& tail = c.open(WEFT_KAFKA_TAIL);
    peer& producer = c.open(WEFT_KAFKA_PRODUCE);
    c.client->drain(WEFT_DRAIN_REPLACE);
    EXPECT_TRUE(tail.saw(WEFT_DRAIN));
    EXPECT_TRUE(producer.saw(WEFT_DRAIN));
    EXPECT_FALSE(tail.ended() || producer.ended());
    tail.end();
    producer.end();
    EXPECT_TRUE(producer.closed());
    EXPECT_EQ(c.client->streams(), 0u) << "nothing holds up the detach";
    c.server->drain(WEFT_DRAIN_STOP);
    EXPECT_EQ(c.cluster.open_streams(), 0u);
    c.host.finish();
}

TEST(kafka_plugin, a_topic_that_cannot_be_is_refused_with_its_place) {
    weft::testing::host host;
    try {
        host.run(weft_plugin_1,
                 R"({"kind": "cache_server", "options": {"bootstrap": ["a", "b/c"]}})");
        FAIL() << "accepted";
    } catch (const weft::testing::refused& e) {
        EXPECT_EQ(e.path(), "/options/bootstrap/1");
        EXPECT_THAT(e.text(), HasSubstr("'b/c'"));
    }
    host.finish();
}

// librdkafka's threads are real, and so is the time they take.
class kafka_client_plugin : public ::testing::Test {
protected:
    weft::testing::subject& run() {
        return host.run(weft_plugin_1, R"({"kind": "client",
                                           "options": {"servers": ["broker.test:9092"]}})");
    }
    weft::testing::host host{{.tasks = weft::testing::task_mode::on_threads}};
};

TEST_F(kafka_client_plugin, refuses_what_it_cannot_serve_and_says_why) {
    auto& client = run();
    for (peer* p : {&client.open(), &open_stream(client, WEFT_KAFKA_TAIL, "t", {.window = 0}),
                    &open_stream(client, WEFT_KAFKA_OFFSETS, "t", {.window = 0})}) {
        const frame f = p->expect(WEFT_RESET);
        const auto m = f.as<weft_kafka_reset>();
        ASSERT_TRUE(m);
        EXPECT_FALSE(m.text(m->text).empty());
        EXPECT_TRUE(p->closed());
    }
    host.finish();
}

TEST_F(kafka_client_plugin, asks_its_exit_for_the_broker_and_tells_that_there_is_none) {
    auto& client = run();
    std::string asked;
    host.on_open = [&](peer& p) {
        if (auto m = p.opened_with().as<weft_tcp_begin>())
            asked = std::string(m.text(m->remote_host)) + ":" + std::to_string(m->remote_port);
        meta_writer<weft_tcp_reset> why;
        why->error = ECONNREFUSED;
        why->text = why.text("nobody there");
        p.reset(why.get());
        p.abort();
    };
    peer& meta = open_stream(client, WEFT_KAFKA_META, "t");
    EXPECT_TRUE(host.wait_for([&] {
        host.advance(100ms);
        return told_state(meta) == WEFT_KAFKA_UNREACHABLE;
    }));
    EXPECT_EQ(asked, "broker.test:9092");
    EXPECT_FALSE(meta.ended()) << "trouble ends no stream";
    EXPECT_FALSE(client.ready());
    meta.end();
    host.finish();
}

// A read that nobody answers neither keeps the instance nor the process.
TEST_F(kafka_client_plugin, goes_while_the_places_of_a_group_are_asked_for) {
    auto& client = run();
    peer& g = open_stream(client, WEFT_KAFKA_OFFSETS, "t", {.window = 0, .group = "g"});
    g.expect(WEFT_BEGIN);
    client.drain(WEFT_DRAIN_STOP);
    EXPECT_TRUE(g.saw(WEFT_DRAIN));
    g.end();
    EXPECT_TRUE(host.wait_for([&] { return g.closed(); }));
    host.finish();
}

}  // namespace
}  // namespace weft::kafka::test
