// The table of client ids, by itself: growth, takeover, and what is left of a home that goes.
#include "session/registry.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <string>

namespace weft::mqtt_kafka {
namespace {

int woken = 0;

// A host that has nothing but posts, which run at once. Made before the registry asks for it.
struct posts_only {
    posts_only() {
        static weft_reactor_vt reactor{};
        reactor.post = [](weft_worker*, void (*fn)(void*), void* ctx) -> int32_t {
            fn(ctx);
            return WEFT_OK;
        };
        services = {};
        services.reactor = &reactor;
    }
    ~posts_only() { services = {}; }
};

struct registry_test : testing::Test {
    registry_test() {
        woken = 0;
        for (auto& h : homes) h = {nullptr, [](void*) { ++woken; }, nullptr, nullptr};
    }

    registered_session& add(const std::string& id, registry_home& home) {
        names.push_back(id);
        registered_session& s = sessions.emplace_back();
        s.id = names.back().data();
        s.id_size = static_cast<uint32_t>(names.back().size());
        s.home = &home;
        first = registry.enter(s);
        return s;
    }

    posts_only host;
    std::deque<std::string> names;
    std::deque<registered_session> sessions;
    registry_home homes[2];
    session_registry registry{"test"};
    bool first = false;  // was the last one added?
};

TEST_F(registry_test, finds_the_older_session_among_many) {
    for (int i = 0; i < 10'000; ++i) add("client-" + std::to_string(i), homes[0]);
    EXPECT_TRUE(first);
    EXPECT_EQ(woken, 0);
    for (int i = 0; i < 10'000; i += 100) {
        add("client-" + std::to_string(i), homes[1]);
        EXPECT_FALSE(first);
        const auto news = registry.take_due(homes[0]);
        ASSERT_NE(news.who, nullptr);
        EXPECT_EQ(news.who->client_id(), "client-" + std::to_string(i));
        EXPECT_TRUE(news.superseded);
        EXPECT_EQ(registry.take_due(homes[0]).who, nullptr);
    }
    EXPECT_EQ(woken, 100);
    for (auto& s : sessions) registry.leave(s);
    registry.take_due(homes[1]);
    add("client-1", homes[1]);
    EXPECT_TRUE(first);
    EXPECT_EQ(registry.take_due(homes[0]).who, nullptr);
    registry.leave(sessions.back());
}

TEST_F(registry_test, wakes_a_home_once_for_all_that_is_due) {
    add("a", homes[0]);
    add("b", homes[0]);
    add("a", homes[1]);
    add("b", homes[1]);
    EXPECT_EQ(woken, 1);
    EXPECT_NE(registry.take_due(homes[0]).who, nullptr);
    EXPECT_NE(registry.take_due(homes[0]).who, nullptr);
    EXPECT_EQ(registry.take_due(homes[0]).who, nullptr);
    for (auto& s : sessions) registry.leave(s);
}

TEST_F(registry_test, the_next_is_told_when_all_before_it_have_left) {
    auto& a = add("x", homes[0]);
    auto& b = add("x", homes[0]);
    auto& c = add("x", homes[1]);
    registry.leave(b);  // gave up in the middle
    EXPECT_EQ(registry.take_due(homes[1]).who, nullptr);
    registry.leave(a);
    const auto news = registry.take_due(homes[1]);
    EXPECT_EQ(news.who, &c);
    EXPECT_TRUE(news.first);
    EXPECT_FALSE(news.superseded);
    registry.leave(c);
    add("x", homes[0]);
    EXPECT_TRUE(first);
    registry.leave(sessions.back());
}

TEST_F(registry_test, the_newest_may_go_before_those_that_it_waits_for) {
    auto& a = add("x", homes[0]);
    auto& b = add("x", homes[1]);
    registry.leave(b);
    auto& c = add("x", homes[1]);
    EXPECT_FALSE(first);
    registry.leave(a);
    EXPECT_EQ(registry.take_due(homes[1]).who, &c);
    registry.leave(c);
    registry.leave(c);
    EXPECT_EQ(registry.take_due(homes[0]).who, nullptr);
}

}  // namespace
}  // namespace weft::mqtt_kafka
