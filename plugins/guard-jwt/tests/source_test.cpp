// Keys from somewhere else: when they are read, and who waits for them.
#include "key_source.hpp"

#include "tests/issuer.hpp"

#include <gtest/gtest.h>

#include <future>
#include <stdexcept>

namespace weft::guard_jwt {
namespace {

using namespace std::chrono_literals;

// The other end: each get() waits until the test says what it brings.
class publisher {
public:
    transport here() {
        return {[this] { return get(); },
                [this] {
                    const std::lock_guard lock(mutex_);
                    cancelled_ = true;
                    changed_.notify_all();
                }};
    }
    void bring(std::string text) {
        const std::lock_guard lock(mutex_);
        texts_.push_back(std::move(text));
        changed_.notify_all();
    }
    void await_asked(size_t times) {
        std::unique_lock lock(mutex_);
        ASSERT_TRUE(changed_.wait_for(lock, 30s, [&] { return asked_ >= times; }));
    }
    size_t asked() {
        const std::lock_guard lock(mutex_);
        return asked_;
    }

private:
    std::string get() {
        std::unique_lock lock(mutex_);
        ++asked_;
        changed_.notify_all();
        changed_.wait(lock, [&] { return cancelled_ || !texts_.empty(); });
        if (cancelled_) throw std::runtime_error("cancelled");
        auto text = std::move(texts_.front());
        texts_.erase(texts_.begin());
        if (text.empty()) throw std::runtime_error("connection refused");
        return text;
    }
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::string> texts_;
    size_t asked_ = 0;
    bool cancelled_ = false;
};

std::string set_of(const issuer& i) {
    return nlohmann::json{{"keys", {i.jwk()}}}.dump();
}

struct source_test : ::testing::Test {
    const issuer one{"ES256", "one"}, two{"ES256", "two"};
    publisher other;
    std::vector<std::string> told;
    remote_times times{1h, 0ms, 0ms, 10ms};
    std::unique_ptr<remote_keys> make() {
        return std::make_unique<remote_keys>(
            other.here(), times, [this](const std::string& why) { told.push_back(why); });
    }
    // True once what was asked for before `text` came has been answered.
    bool renewed(key_source& s, std::string text) {
        const auto done = std::make_shared<std::promise<void>>();
        if (!s.renew([done] { done->set_value(); })) return false;
        other.bring(std::move(text));
        return done->get_future().wait_for(30s) == std::future_status::ready;
    }
    static bool has(const key_source& s, const char* id) {
        const auto keys = s.keys();
        return keys && keys->find(id, *find_algorithm("ES256"));
    }
};

TEST_F(source_test, who_comes_early_waits) {
    auto s = make();
    EXPECT_FALSE(s->keys());
    std::promise<void> first, second;
    ASSERT_TRUE(s->renew([&] { first.set_value(); }));
    ASSERT_TRUE(s->renew([&] { second.set_value(); }));
    other.bring(set_of(one));
    ASSERT_EQ(first.get_future().wait_for(30s), std::future_status::ready);
    ASSERT_EQ(second.get_future().wait_for(30s), std::future_status::ready);
    EXPECT_TRUE(has(*s, "one"));
    EXPECT_EQ(other.asked(), 1u);
}

TEST_F(source_test, an_unknown_key_has_them_read_again) {
    auto s = make();
    ASSERT_TRUE(renewed(*s, set_of(one)));
    ASSERT_TRUE(renewed(*s, set_of(two)));
    EXPECT_TRUE(has(*s, "two"));
    EXPECT_FALSE(has(*s, "one")) << "a key that is not there any more does not count";
}

TEST_F(source_test, but_not_as_often_as_anybody_likes) {
    times.gap = 1h;
    auto s = make();
    ASSERT_TRUE(renewed(*s, set_of(one)));
    for (int n = 0; n < 100; ++n) EXPECT_FALSE(s->renew([] { FAIL(); }));
    EXPECT_EQ(other.asked(), 1u);
}

TEST_F(source_test, a_failure_keeps_what_was_there_and_tries_again) {
    times.refresh = 0ms;
    auto s = make();
    other.bring(set_of(one));
    other.bring("");
    other.bring("<html>");
    other.await_asked(4);  // by itself
    EXPECT_TRUE(has(*s, "one"));
    EXPECT_EQ(told, (std::vector<std::string>{"connection refused", "it is no JSON"}));
    other.bring(set_of(two));
    other.await_asked(5);
    EXPECT_TRUE(has(*s, "two"));
}

TEST_F(source_test, the_end_does_not_wait_for_the_network) {
    auto s = make();
    other.await_asked(1);
    std::promise<void> answered;
    ASSERT_TRUE(s->renew([&] { answered.set_value(); }));
    s.reset();
    EXPECT_EQ(answered.get_future().wait_for(0s), std::future_status::ready)
        << "who waits is answered all the same";
    EXPECT_TRUE(told.empty());
}

}  // namespace
}  // namespace weft::guard_jwt
