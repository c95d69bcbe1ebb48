#include "index/match_memo.hpp"
#include "mapping/levels.hpp"

#include <gmock/gmock.h>

#include <deque>
#include <map>
#include <memory>
#include <random>

namespace weft::mqtt_kafka {
namespace {

struct client final : subscription_owner {};

struct fixture : testing::Test {
    subscription_index index;
    topic_set everything;
    std::deque<client> clients;
    std::map<std::pair<client*, std::string>, std::unique_ptr<subscription>> made;

    fixture() { everything.add(0); }
    client& a_client() { return clients.emplace_back(); }

    subscription& add(client& c, const std::string& filter, uint8_t qos = 0, uint32_t id = 0) {
        auto s = std::make_unique<subscription>();
        s->owner = &c;
        s->topics = &everything;
        s->qos = qos;
        s->id = id;
        index.insert(*s, filter);
        return *(made[{&c, filter}] = std::move(s));
    }
    void remove(client& c, const std::string& filter) {
        const auto found = made.find({&c, filter});
        index.erase(*found->second);
        made.erase(found);
    }
    std::vector<std::string> filters_matching(std::string_view topic) {
        std::vector<std::string> out;
        index.match(topic, [&](subscription& s) { out.push_back(index.filter_of(s)); });
        std::sort(out.begin(), out.end());
        return out;
    }
};
using subscription_index_test = fixture;

TEST_F(subscription_index_test, wildcards_follow_mqtt_4_7) {
    auto& c = a_client();
    for (const auto* f : {"#", "+", "a", "a/#", "a/+", "a/b", "+/b", "+/+", "/+", "/#", "a//b",
                          "a/+/b", "a/", "$SYS/#", "+/x", "$SYS/+"})
        add(c, f);
    using testing::ElementsAre;
    EXPECT_THAT(filters_matching("a"), ElementsAre("#", "+", "a", "a/#"));
    EXPECT_THAT(filters_matching("a/b"), ElementsAre("#", "+/+", "+/b", "a/#", "a/+", "a/b"));
    EXPECT_THAT(filters_matching("a/"), ElementsAre("#", "+/+", "a/", "a/#", "a/+"));
    EXPECT_THAT(filters_matching("a//b"), ElementsAre("#", "a/#", "a/+/b", "a//b"));
    EXPECT_THAT(filters_matching("/z"), ElementsAre("#", "+/+", "/#", "/+"));
    EXPECT_THAT(filters_matching("$SYS/x"), ElementsAre("$SYS/#", "$SYS/+"));
    EXPECT_THAT(filters_matching("$SYS"), ElementsAre("$SYS/#"));
    EXPECT_THAT(filters_matching("b/$SYS"), ElementsAre("#", "+/+"));
}

TEST_F(subscription_index_test, finds_by_owner_and_exact_filter) {
    auto &c = a_client(), &d = a_client();
    auto& s = add(c, "a/+/#");
    EXPECT_EQ(index.find(c, "a/+/#"), &s);
    EXPECT_EQ(index.find(d, "a/+/#"), nullptr);
    EXPECT_EQ(index.find(c, "a/+"), nullptr);
    EXPECT_EQ(index.find(c, "a/b/#"), nullptr);
}

TEST_F(subscription_index_test, an_empty_index_has_only_its_root) {
    auto &c = a_client(), &d = a_client();
    add(c, "a/b/c/#");
    add(d, "a/b/c/#");
    add(c, "a/+/c");
    EXPECT_EQ(index.nodes(), 6u);
    remove(c, "a/b/c/#");
    EXPECT_EQ(index.nodes(), 6u);
    remove(d, "a/b/c/#");
    remove(c, "a/+/c");
    EXPECT_EQ(index.nodes(), 1u);
    EXPECT_EQ(index.size(), 0u);
}

TEST_F(subscription_index_test, topics_deeper_than_any_filter) {
    auto& c = a_client();
    std::string deep = "a";
    for (size_t i = 1; i < levels_max; ++i) deep += "/a";
    add(c, deep);
    add(c, "a/#");
    EXPECT_EQ(filters_matching(deep).size(), 2u);
    EXPECT_EQ(filters_matching(deep + "/a").size(), 1u);
    EXPECT_EQ(filters_matching(deep + "/a/a").size(), 1u);
}

// Random subscriptions and topics over a small alphabet, against the plain definition of matching.
TEST_F(subscription_index_test, agrees_with_a_naive_matcher) {
    std::mt19937 random(20240607);
    const auto pick = [&](uint32_t n) { return static_cast<uint32_t>(random() % n); };
    const std::vector<std::string> names{"", "a", "b", "c", "$x"}, wild{"+", "+", "#"};
    const auto text = [&](bool filter) {
        std::string out;
        for (uint32_t i = 0, n = 1 + pick(5); i < n; ++i) {
            if (i) out += '/';
            const std::string level = filter && pick(3) == 0 ? wild[pick(3)] : names[pick(5)];
            out += level;
            if (level == "#") break;
        }
        return out.empty() ? std::string(filter ? "+" : "a") : out;
    };
    for (int i = 0; i < 8; ++i) a_client();
    for (int round = 0; round < 20'000; ++round) {
        auto& c = clients[pick(8)];
        const auto filter = text(true);
        const bool known = made.contains({&c, filter});
        ASSERT_EQ(index.find(c, filter) != nullptr, known);
        if (known)
            remove(c, filter);
        else if (made.size() < 300)
            add(c, filter);
        else
            remove(*made.begin()->first.first, std::string(made.begin()->first.second));

        const auto topic = text(false);
        std::vector<std::string> expected;
        for (const auto& [key, s] : made)
            if (filter_matches(key.second, topic)) expected.push_back(key.second);
        std::sort(expected.begin(), expected.end());
        ASSERT_EQ(filters_matching(topic), expected) << topic;
    }
    while (!made.empty())
        remove(*made.begin()->first.first, std::string(made.begin()->first.second));
    EXPECT_EQ(index.nodes(), 1u);
}

using match_memo_test = fixture;

TEST_F(match_memo_test, overlapping_filters_of_a_client_are_one_entry) {
    auto &c = a_client(), &d = a_client();
    add(c, "a/#", 0, 7);
    add(c, "a/+", 1, 0);
    add(c, "+/b", 0, 9);
    add(d, "a/b", 1);
    match_memo memo;
    const auto& r = memo.lookup(index, "a/b", 0);
    ASSERT_EQ(r.entries.size(), 2u);
    const auto* e = r.find(c);
    ASSERT_NE(e, nullptr);
    EXPECT_EQ(e->count, 3u);
    EXPECT_EQ(e->ids, 2u);
    EXPECT_EQ(e->qos, 1);
    EXPECT_EQ(r.of(*e).size(), 3u);
    EXPECT_NE(r.find(d), nullptr);
    EXPECT_EQ(r.ids_max, 2u);
}

TEST_F(match_memo_test, only_subscriptions_that_read_the_kafka_topic) {
    auto &c = a_client(), &d = a_client();
    topic_set other;
    other.add(70);
    add(c, "a");
    add(d, "a").topics = &other;
    match_memo first, second;
    EXPECT_EQ(first.lookup(index, "a", 0).find(d), nullptr);
    EXPECT_NE(second.lookup(index, "a", 70).find(d), nullptr);
    EXPECT_EQ(second.lookup(index, "a", 70).find(c), nullptr);
}

TEST_F(match_memo_test, follows_changes) {
    auto& c = a_client();
    match_memo memo;
    EXPECT_TRUE(memo.lookup(index, "a", 0).entries.empty());
    add(c, "#");
    EXPECT_EQ(memo.lookup(index, "a", 0).entries.size(), 1u);
    index.find(c, "#")->qos = 1;
    index.touch();
    EXPECT_EQ(memo.lookup(index, "a", 0).entries[0].qos, 1);
    remove(c, "#");
    EXPECT_TRUE(memo.lookup(index, "a", 0).entries.empty());
}

TEST_F(match_memo_test, is_bounded) {
    add(a_client(), "#");
    match_memo memo;
    for (size_t i = 0; i < memo_topics_max * 2 + 10; ++i)
        ASSERT_EQ(memo.lookup(index, "t/" + std::to_string(i), 0).entries.size(), 1u);
}

}  // namespace
}  // namespace weft::mqtt_kafka
