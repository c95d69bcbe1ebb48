#include "world.hpp"

#include <gtest/gtest.h>

namespace weft::kafka {
namespace {

using namespace test;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

struct cache_test : world {
    void produce_some(const std::string& topic, int n, int from = 0) {
        for (int i = from; i < from + n; ++i)
            cluster.produce(topic, i % static_cast<int>(cluster.topics[topic].partitions.size()),
                            "k/" + std::to_string(i % 5), "v" + std::to_string(i), i);
    }
};

TEST_F(cache_test, a_tail_starts_behind_what_was_there_and_delivers_what_comes) {
    cluster.make("t", 3);
    produce_some("t", 9);
    start();
    auto& c = tail(0, "t");
    until(0, [&] { return !c.partitions.empty(); });
    EXPECT_THAT(c.partitions.front(),
                ElementsAre(std::pair(0, 3), std::pair(1, 3), std::pair(2, 3)));
    produce_some("t", 30, 9);
    until(0, [&] { return c.records.size() == 30; });
    EXPECT_EQ(c.order.front(), "p");
    std::map<int32_t, int64_t> next{{0, 3}, {1, 3}, {2, 3}};
    for (const auto& r : c.records) EXPECT_EQ(r.offset, next[r.partition]++);
    end(0, c);
}

TEST_F(cache_test, every_worker_reads_and_each_partition_is_fetched_once) {
    cluster.make("t", 4);
    start();
    auto& a = tail(0, "t");
    auto& b = tail(1, "t");
    until(0, [&] { return !a.partitions.empty(); });
    until(1, [&] { return !b.partitions.empty(); });
    produce_some("t", 100);
    until(0, [&] { return a.records.size() == 100; });
    until(1, [&] { return b.records.size() == 100; });
    EXPECT_EQ(cluster.fetch_streams, 4);
}

TEST_F(cache_test, a_tail_waits_for_credit) {
    cluster.make("t", 1);
    start();
    meta_writer<weft_kafka_begin> m;
    m->role = WEFT_KAFKA_TAIL;
    m->topic = m.text("t");
    auto& c = open(0, m.get(), 10, false);
    until(0, [&] { return !c.partitions.empty(); });
    for (int i = 0; i < 5; ++i) cluster.produce("t", 0, "k", "four");
    until(0, [&] { return c.records.size() == 2; });
    settle();
    EXPECT_EQ(on(0, [&] { return c.records.size(); }), 2u);
    on(0, [&] { c.s.window(1000); });
    until(0, [&] { return c.records.size() == 5; });
}

TEST_F(cache_test, a_lagging_partition_does_not_hold_up_the_others) {
    cluster.make("t", 2);
    cluster.topics["t"].partitions[1].leader = false;
    config.limits.tail_wait_ms = 30;
    start();
    auto& c = tail(0, "t");
    until(0, [&] { return !c.partitions.empty(); });
    EXPECT_THAT(c.partitions.front(), ElementsAre(std::pair(0, 0)));
    cluster.produce("t", 0, "k", "v");
    until(0, [&] { return c.records.size() == 1; });
    cluster.change([](fake_cluster& f) { f.topics["t"].partitions[1].leader = true; });
    until(0, [&] { return c.partitions.size() == 2; });
    EXPECT_THAT(c.partitions.back(), ElementsAre(std::pair(0, 0), std::pair(1, 0)));
    cluster.produce("t", 1, "k", "w");
    until(0, [&] { return c.records.size() == 2; });
}

TEST_F(cache_test, a_new_partition_is_live_from_its_beginning) {
    cluster.make("t", 1);
    start();
    auto& c = tail(0, "t");
    until(0, [&] { return !c.partitions.empty(); });
    cluster.change([](fake_cluster& f) {
        f.topics["t"].partitions.resize(2);
        f.topics["t"].partitions[1].records.push_back({0, "k", "first", false, 1});
        f.topics["t"].partitions[1].next = 1;
    });
    until(0, [&] { return c.records.size() == 1; });
    EXPECT_EQ(c.partitions.back().at(1), 0);
    EXPECT_EQ(c.records[0].value, "first");
}

TEST_F(cache_test, history_is_everything_up_to_kafkas_end_then_ends) {
    cluster.make("t", 2);
    produce_some("t", 200);
    start();
    auto& c = history(1, {"t"});
    until(1, [&] { return c.ended; });
    EXPECT_EQ(c.records.size(), 200u);
    std::map<int32_t, int64_t> next;
    for (const auto& r : c.records) EXPECT_EQ(r.offset, next[r.partition]++);
    ASSERT_GE(c.progress.size(), 2u);
    for (const auto& p : c.progress) EXPECT_EQ(p.end, 100);
    until(1, [&] { return c.closed; });
}

TEST_F(cache_test, history_asks_kafka_where_its_log_ends) {
    cluster.make("t", 1);
    start();
    auto& before = history(0, {"t"});
    until(0, [&] { return before.ended; });
    EXPECT_TRUE(before.records.empty());
    // Written, but the fetch has not brought it yet: history waits for it.
    cluster.change([](fake_cluster& f) {
        f.topics["t"].partitions[0].records.push_back({0, "k", "late", false, 1});
        f.topics["t"].partitions[0].next = 1;
    });
    auto& c = history(0, {"t"});
    until(0, [&] { return c.ended; });
    EXPECT_THAT(c.values(), ElementsAre("late"));
}

TEST_F(cache_test, history_is_filtered_and_positioned) {
    cluster.make("t", 1);
    produce_some("t", 100);
    start();
    auto& c = history(0, {"t", {{10, -1, 0, 0}}, {"k/+"}, {}});
    auto& d = history(0, {"t", {{10, 30, 0, 0}}, {}, {"k/2"}});
    auto& e = history(0, {"t", {{WEFT_KAFKA_OFFSET_LIVE, -1, 0, 0}}, {}, {}});
    until(0, [&] { return c.ended && d.ended && e.ended; });
    EXPECT_EQ(c.records.size(), 90u);
    EXPECT_THAT(d.values(), ElementsAre("v12", "v17", "v22", "v27"));
    EXPECT_TRUE(e.records.empty());
    EXPECT_EQ(d.progress.back().offset, 30);
}

TEST_F(cache_test, newest_per_key_leaves_out_cleared_keys) {
    cluster.make("t", 1, WEFT_KAFKA_COMPACTED);
    cluster.produce("t", 0, "a", "1");
    cluster.produce("t", 0, "b", "1");
    cluster.produce("t", 0, "a", "2");
    cluster.produce("t", 0, "c", "1");
    cluster.produce("t", 0, "c", std::nullopt);
    cluster.produce("t", 0, "d", "1");
    cluster.produce("t", 0, "d", "");
    start();
    auto& c = history(0, {"t", {}, {"#"}, {}, true});
    until(0, [&] { return c.ended; });
    EXPECT_THAT(c.values(), ElementsAre("1", "2"));
}

TEST_F(cache_test, history_waits_for_credit_and_holds_little) {
    cluster.make("t", 1);
    produce_some("t", 50);
    start();
    auto& c = history(0, {"t"}, 6, false);
    until(0, [&] { return c.records.size() >= 2; });
    settle();
    EXPECT_LE(on(0, [&] { return c.records.size(); }), 3u);
    on(0, [&] { c.grants = true, c.s.window(6); });
    until(0, [&] { return c.ended; });
    EXPECT_EQ(c.records.size(), 50u);
}

TEST_F(cache_test, offsets_without_records_do_not_hold_up_tail_or_history) {
    cluster.make("t", 1);
    produce_some("t", 10);
    cluster.topics["t"].partitions[0].next = 13;  // aborted and control records
    start();
    auto& c = tail(0, "t");
    auto& h = history(0, {"t"});
    until(0, [&] { return !c.partitions.empty() && h.ended; });
    EXPECT_THAT(c.partitions.front(), ElementsAre(std::pair(0, 13)));
    EXPECT_EQ(h.records.size(), 10u);
}

TEST_F(cache_test, a_warm_log_goes_on_where_it_was) {
    cluster.make("t", 1);
    produce_some("t", 100);
    start();
    auto& c = history(0, {"t"});
    until(0, [&] { return c.ended; });
    stop();
    produce_some("t", 20, 100);
    start();
    auto& d = history(1, {"t"});
    until(1, [&] { return d.ended; });
    EXPECT_EQ(d.records.size(), 120u);
    EXPECT_EQ(cluster.last_fetch_offset, 99);  // the newest cached record is compared
}

TEST_F(cache_test, a_topic_made_anew_empties_the_log) {
    cluster.make("t", 1);
    produce_some("t", 100);
    start();
    auto& c = history(0, {"t"});
    until(0, [&] { return c.ended; });
    stop();
    cluster.change([](fake_cluster& f) {
        auto& p = f.topics["t"].partitions[0];
        for (auto& r : p.records) r.value = "other", r.timestamp_ms += 1000;
    });
    start();
    auto& d = history(0, {"t"});
    until(0, [&] { return d.ended; });
    ASSERT_EQ(d.records.size(), 100u);
    for (const auto& r : d.records) EXPECT_EQ(r.value, "other");
}

TEST_F(cache_test, a_log_that_reaches_beyond_kafkas_end_is_emptied) {
    cluster.make("t", 1);
    produce_some("t", 100);
    start();
    auto& c = history(0, {"t"});
    until(0, [&] { return c.ended; });
    stop();
    cluster.change([](fake_cluster& f) {
        f.topics["t"].partitions[0].records.resize(10);
        f.topics["t"].partitions[0].next = 10;
    });
    start();
    auto& d = history(0, {"t"});
    until(0, [&] { return d.ended; });
    EXPECT_EQ(d.records.size(), 10u);
}

TEST_F(cache_test, a_topic_truncated_while_running_restarts_the_tail) {
    cluster.make("t", 1);
    produce_some("t", 50);
    start();
    auto& c = tail(0, "t");
    until(0, [&] { return !c.partitions.empty(); });
    cluster.produce("t", 0, "k", "live");
    until(0, [&] { return c.records.size() == 1; });
    cluster.change([](fake_cluster& f) {
        f.topics["t"].partitions[0].records.clear();
        f.topics["t"].partitions[0].next = 0;
    });
    for (uint32_t w = 0; w < workers; ++w) in_exit(w, [](fake_exit& e) { e.say_out_of_range(); });
    cluster.produce("t", 0, "k", "new");
    until(0, [&] { return c.records.size() == 2; });
    EXPECT_EQ(c.records[1].value, "new");
    EXPECT_EQ(c.records[1].offset, 0);
    EXPECT_THAT(c.partitions.back(), ElementsAre(std::pair(0, 0)));
}

TEST_F(cache_test, another_cluster_is_another_log) {
    cluster.make("t", 1);
    produce_some("t", 10);
    start();
    auto& c = history(0, {"t"});
    until(0, [&] { return c.ended; });
    stop();
    cluster.change([](fake_cluster& f) { f.id = "other"; });
    start();
    auto& d = history(0, {"t"});
    until(0, [&] { return d.ended; });
    EXPECT_EQ(d.records.size(), 10u);
    EXPECT_EQ(cluster.last_fetch_offset, 0);
}

TEST_F(cache_test, a_broken_fetch_is_opened_again_without_loss_or_repetition) {
    cluster.make("t", 2);
    start();
    auto& c = tail(0, "t");
    until(0, [&] { return !c.partitions.empty(); });
    for (int round = 0; round < 10; ++round) {
        produce_some("t", 20, round * 20);
        for (uint32_t w = 0; w < workers; ++w) in_exit(w, [](fake_exit& e) { e.abort_fetches(); });
    }
    until(0, [&] { return c.records.size() >= 200; });
    settle();
    EXPECT_EQ(c.records.size(), 200u);
    std::map<int32_t, int64_t> next;
    for (const auto& r : c.records) EXPECT_EQ(r.offset, next[r.partition]++);
}

TEST_F(cache_test, trouble_is_told_and_over_when_it_is_over) {
    cluster.reachable = false;
    start();
    auto& c = tail(0, "t");
    auto& m = open_role(0, WEFT_KAFKA_META, "t");
    until(0, [&] { return !c.statuses.empty() && !m.statuses.empty(); });
    EXPECT_EQ(c.statuses.front(), static_cast<uint32_t>(WEFT_KAFKA_UNREACHABLE));
    cluster.change([](fake_cluster& f) { f.reachable = true; });
    until(0, [&] { return c.statuses.back() == WEFT_KAFKA_NO_TOPIC; });
    cluster.make("t", 1);
    cluster.wake();
    until(0, [&] {
        return c.statuses.back() == WEFT_KAFKA_OK && !c.partitions.empty() && !m.partitions.empty();
    });
}

TEST_F(cache_test, what_the_cache_does_not_have_is_read_from_kafka) {
    cluster.make("t", 1);
    produce_some("t", 60);
    config.topics = {{"t", true}};  // an empty cache begins live
    start();
    auto& t = tail(0, "t");
    until(0, [&] { return !t.partitions.empty(); });
    produce_some("t", 20, 60);
    until(0, [&] { return t.records.size() == 20; });
    auto& c = history(1, {"t", {{5, -1, 0, 0}}, {"k/1"}});
    until(1, [&] { return c.ended; });
    EXPECT_EQ(c.records.size(), 15u);
    EXPECT_EQ(c.records.front().offset, 6);
    EXPECT_EQ(c.records.back().offset, 76);
    auto& d = history(0, {"t"}, 6, true);  // little credit: it waits in between
    until(0, [&] { return d.ended; });
    EXPECT_EQ(d.records.size(), 80u);
}

TEST_F(cache_test, produce_passes_through) {
    cluster.make("t", 1);
    start();
    auto& t = tail(0, "t");
    until(0, [&] { return !t.partitions.empty(); });
    auto& c = open_role(0, WEFT_KAFKA_PRODUCE, "t");
    until(0, [&] { return c.s.credit() > 0; });
    on(0, [&] {
        meta_writer<weft_kafka_produce> m;
        m->token = 42;
        m->key = m.text("k");
        const weft_slice v{nullptr, reinterpret_cast<const uint8_t*>("hi"), 2, 0};
        c.s.data(v, m.get());
    });
    until(0, [&] { return !c.produced.empty() && t.records.size() == 1; });
    EXPECT_THAT(c.produced, ElementsAre(42u));
    EXPECT_EQ(t.records[0].value, "hi");
    end(0, c);
}

TEST_F(cache_test, bootstrap_fetches_before_anybody_asks) {
    cluster.make("t", 4);
    config.bootstrap = {"t"};
    start();
    until(0, [&] {
        const std::lock_guard lock(cluster.mutex);
        return cluster.fetch_streams == 4;
    });
}

TEST_F(cache_test, foreign_roles_and_topics_are_refused) {
    start();
    auto& a = open_role(0, WEFT_KAFKA_FETCH, "t");
    auto& b = tail(0, "../x");
    auto& c = open_role(0, WEFT_KAFKA_TAIL, "t", server_id);
    until(0, [&] { return a.refused && b.refused && c.refused; });
}

TEST_F(cache_test, a_compacted_log_is_cleaned_while_it_is_written_and_read) {
    cluster.make("t", 1, WEFT_KAFKA_COMPACTED);
    config.limits.maintenance_ms = 5;
    start();
    auto& t = tail(0, "t");
    until(0, [&] { return !t.partitions.empty(); });
    for (int i = 0; i < 2000; i += 100) {
        produce_some("t", 100, i);
        // Some may have been cleaned away before they were read, but none that is the newest.
        until(0, [&] { return !t.records.empty() && t.records.back().offset == i + 99; });
    }
    const auto earlier = [](const auto& a, const auto& b) { return a.offset < b.offset; };
    EXPECT_TRUE(std::is_sorted(t.records.begin(), t.records.end(), earlier));
    // What is sealed has the five keys once at most; the head stays as it is.
    size_t kept = 2000;
    for (int attempt = 0; attempt < 200 && kept > 400; ++attempt) {
        auto& h = history(1, {"t"});
        until(1, [&] { return h.closed; });
        kept = h.records.size();
        int64_t next = 0;
        for (const auto& r : h.records) {
            EXPECT_GE(r.offset, next);
            next = r.offset + 1;
        }
        EXPECT_EQ(next, 2000);
    }
    EXPECT_LE(kept, 400u);
    auto& newest = history(1, {"t", {}, {"#"}, {}, true});
    until(1, [&] { return newest.closed; });
    EXPECT_THAT(newest.values(), ElementsAre("v1995", "v1996", "v1997", "v1998", "v1999"));
    // And the next process takes it over as it is.
    stop();
    start();
    auto& h = history(0, {"t"});
    until(0, [&] { return h.closed; });
    EXPECT_LE(h.records.size(), 400u);
    EXPECT_EQ(h.records.back().offset, 1999);
    EXPECT_EQ(cluster.last_fetch_offset, 1999);
}

TEST_F(cache_test, a_slow_tail_that_retention_overtakes_goes_on_live) {
    cluster.make("t", 1);
    config.log.retention_bytes = 20000;
    start();
    meta_writer<weft_kafka_begin> m;
    m->role = WEFT_KAFKA_TAIL;
    m->topic = m.text("t");
    auto& c = open(0, m.get(), 4, false);
    auto& fast = tail(1, "t");
    until(0, [&] { return !c.partitions.empty(); });
    until(1, [&] { return !fast.partitions.empty(); });
    for (int i = 0; i < 1000; i += 50) {
        produce_some("t", 50, i);
        until(1, [&] { return fast.records.size() == static_cast<size_t>(i + 50); });
    }
    on(0, [&] { c.grants = true, c.window = 1 << 20, c.s.window(1 << 20); });
    until(0, [&] { return c.partitions.size() == 2; });
    EXPECT_GT(c.partitions.back().at(0), 900);
    cluster.produce("t", 0, "k", "new");
    until(0, [&] { return !c.records.empty() && c.records.back().value == "new"; });
}

}  // namespace
}  // namespace weft::kafka
