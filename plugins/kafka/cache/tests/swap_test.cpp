// Generations of the cache kinds under load: nothing lost, nothing twice, and the old ones end.
#include "followers.hpp"

#include "cache/log_claim.hpp"

#include <gtest/gtest.h>

namespace weft::kafka {
namespace {

using namespace test;
using testing::ElementsAre;

constexpr char other_build[] = "another build";

struct swap_test : world {
    static constexpr int partitions = 4;
    std::vector<std::unique_ptr<follower>> followers;
    std::unique_ptr<writer> producer;
    int produced = 0;

    void start_following() {
        cluster.make("t", partitions);
        start();
        for (uint32_t w = 0; w < workers; ++w)
            followers.push_back(
                on(w, [&] { return std::make_unique<follower>(opener(w), client_id, "t"); }));
        for (uint32_t w = 0; w < workers; ++w)
            until(
                w, [&] { return followers[w]->listed(); }, "for the tail to begin");
    }
    void load(int n) {
        for (int i = 0; i < n; ++i, ++produced)
            cluster.produce("t", produced % partitions, "k/" + std::to_string(produced % 7),
                            "v" + std::to_string(produced));
    }
    void expect_all_once(const char* what) {
        for (uint32_t w = 0; w < workers; ++w) {
            auto& f = *followers[w];
            until(
                w, [&] { return f.count() == static_cast<size_t>(produced); }, what);
            EXPECT_EQ(on(w, [&] { return f.got.doubled(); }), 0u);
            EXPECT_EQ(on(w, [&] { return f.reordered; }), 0);
        }
    }
    void TearDown() override {
        for (uint32_t w = 0; w < followers.size(); ++w) {
            on(w, [&] { followers[w]->close(); });
            until(w, [&] { return followers[w]->closed; });
        }
        if (producer) {
            on(0, [&] { producer->close(); });
            until(0, [&] { return producer->closed; });
        }
        world::TearDown();
    }
};

TEST_F(swap_test, another_build_of_all_kinds_takes_over_under_load) {
    start_following();
    load(200);
    swap({exit_id, server_id, client_id}, other_build);
    load(200);
    bury();
    load(200);
    expect_all_once("after the swap");
    for (uint32_t w = 0; w < workers; ++w) EXPECT_EQ(on(w, [&] { return followers[w]->tails; }), 2);
    // The files went on: nothing was emptied, and a reader finds all of it in them.
    EXPECT_FALSE(test_services::heard("binding.kafka.cache.emptied"));
    auto& h = history(0, {"t"});
    until(0, [&] { return h.ended; });
    EXPECT_EQ(h.records.size(), 600u);
}

TEST_F(swap_test, a_server_of_the_same_build_goes_on_under_the_tails) {
    start_following();
    load(100);
    swap({server_id});
    load(100);
    bury();
    load(100);
    expect_all_once("after the swap");
    for (uint32_t w = 0; w < workers; ++w)
        EXPECT_EQ(on(w, [&] { return followers[w]->tails; }), 1) << "no tail has to move";
    const std::lock_guard lock(cluster.mutex);
    EXPECT_EQ(cluster.following_max, 1) << "one generation fetches a partition at a time";
}

TEST_F(swap_test, a_client_alone_gives_its_tails_to_the_next) {
    start_following();
    load(100);
    swap({client_id});
    load(100);
    bury();
    load(100);
    expect_all_once("after the swap");
    for (uint32_t w = 0; w < workers; ++w) EXPECT_EQ(on(w, [&] { return followers[w]->tails; }), 2);
}

TEST_F(swap_test, a_replaced_exit_is_fetched_from_where_the_log_ends) {
    start_following();
    load(100);
    swap({exit_id});
    load(100);
    bury();
    load(100);
    expect_all_once("after the swap");
    for (uint32_t w = 0; w < workers; ++w) EXPECT_EQ(on(w, [&] { return followers[w]->tails; }), 1);
}

TEST_F(swap_test, generation_after_generation) {
    start_following();
    for (int round = 0; round < 12; ++round) {
        load(20);
        switch (round % 4) {
            case 0:
                swap({exit_id, server_id, client_id}, "build " + std::to_string(round));
                break;
            case 1:
                swap({server_id}, config.build);
                break;
            case 2:
                swap({client_id}, config.build);
                break;
            default:
                swap({exit_id}, config.build);
        }
        load(20);
        if (round % 3 == 2) bury();  // three of them live at times
    }
    bury();
    load(20);
    expect_all_once("after all swaps");
    EXPECT_FALSE(test_services::heard("binding.kafka.cache.emptied"));
}

TEST_F(swap_test, what_is_produced_is_answered_once_and_in_order) {
    start_following();
    producer = on(0, [&] { return std::make_unique<writer>(opener(0), client_id, "t"); });
    for (uint64_t round = 1; round <= 5; ++round) {
        on(0, [&] { producer->send_up_to(round * 60); });
        cluster.change([](fake_cluster& c) { c.answers_produce = false; });
        on(0, [&] { producer->send_up_to(round * 60 + 20); });  // these wait for their answers
        swap({exit_id, server_id, client_id}, "build " + std::to_string(round));
        on(0, [&] { producer->send_up_to(round * 60 + 40); });
        EXPECT_LE(on(0, [&] { return producer->sent; }), round * 60 + 20)
            << "the successor waits for the answers";
        cluster.change([](fake_cluster& c) { c.answers_produce = true; });
        bury();
    }
    until(
        0, [&] { return producer->answered == 340; }, "for the answers");
    EXPECT_EQ(on(0, [&] { return producer->lost; }), 0);
    EXPECT_EQ(on(0, [&] { return producer->opened; }), 6);
    const std::lock_guard lock(cluster.mutex);
    const auto& records = cluster.topics["t"].partitions[0].records;
    ASSERT_EQ(records.size(), 340u);
    for (size_t i = 0; i < records.size(); ++i) EXPECT_EQ(records[i].value, std::to_string(i + 1));
    produced = 0;
}

TEST_F(swap_test, a_history_is_read_to_its_end_where_it_began) {
    cluster.make("t", 1);
    for (int i = 0; i < 300; ++i) cluster.produce("t", 0, "k", "v" + std::to_string(i));
    start();
    auto& slow = history(0, {"t"}, 8, false);
    until(0, [&] { return !slow.records.empty(); });
    swap({exit_id, server_id, client_id}, other_build);
    on(0, [&] { slow.grants = true, slow.s.window(8); });
    until(0, [&] { return slow.closed; });
    EXPECT_TRUE(slow.ended);
    EXPECT_EQ(slow.records.size(), 300u);
    bury();
}

// The old log got no further; what is missing comes from Kafka.
TEST_F(swap_test, a_history_does_not_wait_for_a_log_that_nobody_writes_any_more) {
    cluster.make("t", 2);
    for (int i = 0; i < 20; ++i) cluster.produce("t", i % 2, "k", "v" + std::to_string(i));
    start();
    auto& first = history(0, {"t"});
    until(0, [&] { return first.ended; });
    cluster.change([](fake_cluster& c) { c.delivers = false; });
    for (int i = 20; i < 40; ++i) cluster.produce("t", i % 2, "k", "v" + std::to_string(i));
    auto& h = history(0, {"t"});
    until(0, [&] { return h.records.size() == 20; });
    swap({exit_id, server_id, client_id}, other_build);
    cluster.change([](fake_cluster& c) { c.delivers = true; });
    until(
        0, [&] { return h.closed; }, "for the history");
    EXPECT_EQ(h.records.size(), 40u);
    std::map<int32_t, int64_t> next;
    for (const auto& r : h.records) EXPECT_EQ(r.offset, next[r.partition]++);
    bury();
}

// A payload is a piece of a mapped file; whoever keeps it delays the unmapping and nothing else.
TEST_F(swap_test, a_payload_that_is_kept_keeps_its_generation) {
    struct keeper : endpoint {
        stream s;
        std::vector<chunk> kept;
        bool listed = false, closed = false;
        void on_flush(stream, const weft_flush&) override { listed = true; }
        void on_data(stream, const weft_data& d) override {
            for (const auto& x : slices(d)) kept.push_back(chunk::retain(x));
        }
        void on_drain(stream x, const weft_frame&) override { x.end(), x.reset(); }
        void on_closed(stream) override { closed = true; }
    };
    cluster.make("t", 1);
    start();
    keeper k;
    on(0, [&] {
        meta_writer<weft_kafka_begin> m;
        m->role = WEFT_KAFKA_TAIL;
        m->topic = m.text("t");
        k.s = opener(0).open(client_id, k, m.get());
        k.s.window(1000);
    });
    until(0, [&] { return k.listed; });
    cluster.produce("t", 0, "k", "value");
    until(0, [&] { return k.kept.size() == 1; });
    auto& old = live(client_id);
    swap({exit_id, server_id, client_id}, other_build);
    until(0, [&] { return k.closed; });
    settle();
    EXPECT_FALSE(at_rest(old));
    EXPECT_EQ(on(0, [&] { return std::string(k.kept[0].text()); }), "value");
    on(0, [&] { k.kept.clear(); });
    bury();
}

TEST_F(swap_test, a_removed_binding_ends_as_a_replaced_one_does) {
    start_following();
    load(40);
    expect_all_once("before");
    for (uint32_t w = 0; w < workers; ++w) {
        on(w, [&] { followers[w]->close(); });
        until(w, [&] { return followers[w]->closed; });
    }
    followers.clear();
    for (const uint64_t id : {client_id, server_id}) drain(live(id), WEFT_DRAIN_REMOVE);
    settle();
    EXPECT_TRUE(at_rest(live(client_id)));
    EXPECT_TRUE(at_rest(live(server_id)));
}

TEST_F(swap_test, a_log_claim_goes_to_those_who_wait_in_the_order_of_asking) {
    start();
    std::vector<int> woken;
    std::mutex mutex;
    struct candidate {
        log_claim claim{"folder"};
        std::function<void()> on_wake;
        static void wake(void* self) { static_cast<candidate*>(self)->on_wake(); }
    };
    candidate a, b, c;
    b.on_wake = [&] {
        const std::lock_guard lock(mutex);
        woken.push_back(2);
    };
    c.on_wake = [&] {
        const std::lock_guard lock(mutex);
        woken.push_back(3);
    };
    EXPECT_TRUE(a.claim.take(opener(0), candidate::wake, &a));
    EXPECT_FALSE(b.claim.take(opener(1), candidate::wake, &b));
    EXPECT_FALSE(c.claim.take(opener(0), candidate::wake, &c));
    a.claim.release();
    settle();
    EXPECT_THAT(woken, ElementsAre(2));
    EXPECT_FALSE(c.claim.take(opener(0), candidate::wake, &c)) << "not before its turn";
    b.claim.release();  // changed its mind
    settle();
    EXPECT_THAT(woken, ElementsAre(2, 3));
    EXPECT_TRUE(c.claim.take(opener(0), candidate::wake, &c));
    EXPECT_FALSE(a.claim.take(opener(0), candidate::wake, &a));
    a.claim.release();
    EXPECT_TRUE(c.claim.take(opener(0), candidate::wake, &c)) << "it is still its own";
}

}  // namespace
}  // namespace weft::kafka
