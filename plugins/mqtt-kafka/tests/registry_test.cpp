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
        s.id_size = names.back().size();
        s.home = &home;
        registry.claim(s);
        return s;
    }

    posts_only host;
    std::deque<std::string> names;
    std::deque<registered_session> sessions;
    registry_home homes[2];
    session_registry registry{"test"};
};

TEST_F(registry_test, finds_the_older_session_among_many) {
    for (int i = 0; i < 10'000; ++i) add("client-" + std::to_string(i), homes[0]);
    EXPECT_EQ(woken, 0);
    for (int i = 0; i < 10'000; i += 100) {
        add("client-" + std::to_string(i), homes[1]);
        const registered_session* old = registry.take_displaced(homes[0]);
        ASSERT_NE(old, nullptr);
        EXPECT_EQ(old->client_id(), "client-" + std::to_string(i));
        EXPECT_EQ(registry.take_displaced(homes[0]), nullptr);
    }
    EXPECT_EQ(woken, 100);
    for (auto& s : sessions) registry.release(s);
    add("client-1", homes[1]);
    EXPECT_EQ(registry.take_displaced(homes[0]), nullptr);
    registry.release(sessions.back());
}

TEST_F(registry_test, wakes_a_home_once_for_all_that_are_displaced) {
    add("a", homes[0]);
    add("b", homes[0]);
    add("a", homes[1]);
    add("b", homes[1]);
    EXPECT_EQ(woken, 1);
    EXPECT_NE(registry.take_displaced(homes[0]), nullptr);
    EXPECT_NE(registry.take_displaced(homes[0]), nullptr);
    EXPECT_EQ(registry.take_displaced(homes[0]), nullptr);
    for (auto& s : sessions) registry.release(s);
}

TEST_F(registry_test, a_session_that_goes_by_itself_is_not_displaced_any_more) {
    auto& a = add("a", homes[0]);
    auto& b = add("a", homes[1]);
    registry.release(a);
    EXPECT_EQ(registry.take_displaced(homes[0]), nullptr);
    registry.release(a);
    registry.release(b);
    add("a", homes[0]);
    EXPECT_EQ(registry.take_displaced(homes[1]), nullptr);
    registry.release(sessions.back());
}

}  // namespace
}  // namespace weft::mqtt_kafka
