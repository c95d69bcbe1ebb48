// Bearer tokens: what is read of them, the answers of a token endpoint, and when the source gets
// the next one.
#include "client/credentials.hpp"
#include "client/token_endpoint.hpp"
#include "client/token_source.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <future>

namespace weft::kafka::client {
namespace {

using testing::HasSubstr;
using testing::Not;

// {"alg":"none"} . {"sub":"weft-1","exp":4102444800} . signature
constexpr char jwt[] =
    "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ3ZWZ0LTEiLCJleHAiOjQxMDI0NDQ4MDB9.c2lnbmF0dXJl";

template <class F>
std::string failure_of(F&& f) {
    try {
        f();
    } catch (const std::runtime_error& e) {
        return e.what();
    }
    return "no error";
}

TEST(token, a_json_web_token_tells_whose_it_is_and_when_it_ends) {
    const auto t = read_token(std::string("\n ") + jwt + " \r\n");
    EXPECT_EQ(t.value, jwt);
    EXPECT_EQ(t.principal, "weft-1");
    EXPECT_EQ(t.expires_ms, 4'102'444'800'000u);
}

TEST(token, any_other_is_taken_as_it_is) {
    for (const auto* text :
         {"opaque", "a.b.c", "eyJhbGciOiJub25lIn0.W10.x", "a.bm8.c", "x+/~=-_"}) {
        const auto t = read_token(text);
        EXPECT_EQ(t.value, text);
        EXPECT_EQ(t.expires_ms, bearer_token::no_end);
    }
    // Claims of wrong types are none.
    EXPECT_EQ(read_token("e30.eyJzdWIiOjEsImV4cCI6IngifQ.x").expires_ms, bearer_token::no_end);
    EXPECT_EQ(read_token("e30.eyJleHAiOi0xfQ.x").expires_ms, bearer_token::no_end);
}

TEST(token, what_is_none_is_refused_without_showing_it) {
    EXPECT_THAT(failure_of([] { read_token(" \n"); }), HasSubstr("no token"));
    const auto text = failure_of([] { read_token("secret\x01,auth=x"); });
    EXPECT_THAT(text, HasSubstr("characters"));
    EXPECT_THAT(text, Not(HasSubstr("secret")));
    EXPECT_THAT(failure_of([] { read_token(std::string(limits::token_bytes_max + 1, 'a')); }),
                HasSubstr("longer"));
}

TEST(token, files) {
    const auto file =
        std::filesystem::temp_directory_path() / ("weft-token-" + std::to_string(::getpid()));
    std::ofstream(file) << jwt << '\n';
    EXPECT_EQ(read_token_file(file).value, jwt);
    std::ofstream(file) << std::string(limits::token_bytes_max + 100, 'a');
    EXPECT_THAT(failure_of([&] { read_token_file(file); }), HasSubstr("longer"));
    std::filesystem::remove(file);
    const auto text = failure_of([&] { read_token_file(file); });
    EXPECT_THAT(text, HasSubstr(file.string() + " cannot be read"));
    EXPECT_THAT(failure_of([&] { read_token_file(file.parent_path()); }),
                Not(HasSubstr("no error")));
}

TEST(token_answer, tells_the_token_and_its_end) {
    EXPECT_EQ(
        read_token_answer(200, R"({"access_token": "abc", "expires_in": 60})", 1'000).expires_ms,
        61'000u);
    EXPECT_EQ(read_token_answer(200, R"({"access_token": "abc"})", 1'000).expires_ms,
              bearer_token::no_end);
    // The token's own end counts.
    const auto own = std::string(R"({"expires_in": 60, "access_token": ")") + jwt + "\"}";
    EXPECT_EQ(read_token_answer(200, own, 1'000).expires_ms, 4'102'444'800'000u);
}

TEST(token_answer, errors_in_one_line) {
    EXPECT_THAT(failure_of([] {
                    read_token_answer(
                        401, R"({"error": "invalid_client", "error_description": "no\nsuch"})", 0);
                }),
                HasSubstr("answers 401, invalid_client, no?such"));
    EXPECT_THAT(failure_of([] { read_token_answer(503, "<html>", 0); }), "it answers 503");
    EXPECT_THAT(failure_of([] { read_token_answer(400, R"({"error": 7})", 0); }), "it answers 400");
    for (const auto* body : {"", "[]", "{}", R"({"access_token": 1})", R"({"access_token": ""})"})
        EXPECT_NE(failure_of([&] { read_token_answer(200, body, 0); }), "no error") << body;
}

// ---- the source ----

using std::chrono::milliseconds;

uint64_t wall_now_ms() {
    return static_cast<uint64_t>(std::chrono::duration_cast<milliseconds>(
                                     std::chrono::system_clock::now().time_since_epoch())
                                     .count());
}

// Tokens in turn, each with its life in ms; a negative one is a failure. The last goes on for ever.
struct script {
    explicit script(std::vector<int> of) : lives(std::move(of)) {}

    const std::vector<int> lives;
    std::mutex mutex;
    std::condition_variable told;
    size_t asked = 0, got = 0, failed = 0;
    std::string why;

    token_transport transport() {
        return {[this] {
                    const std::lock_guard lock(mutex);
                    const int life = lives[std::min(asked++, lives.size() - 1)];
                    if (life < 0) throw std::runtime_error("nobody there");
                    return bearer_token{"t" + std::to_string(asked), "p",
                                        wall_now_ms() + static_cast<uint64_t>(life)};
                },
                [] {}};
    }
    token_source::listener listener() {
        return {[this](const bearer_token&) {
                    const std::lock_guard lock(mutex);
                    ++got;
                    told.notify_all();
                },
                [this](const std::string& text) {
                    const std::lock_guard lock(mutex);
                    ++failed;
                    why = text;
                    told.notify_all();
                }};
    }
    template <class F>
    bool wait(F&& f) {
        std::unique_lock lock(mutex);
        return told.wait_for(lock, std::chrono::seconds(30), f);
    }
};

constexpr token_times quick{milliseconds(5), milliseconds(20), milliseconds(10),
                            milliseconds(60'000)};

TEST(token_source, gets_the_next_before_the_end_and_after_failures) {
    script s({50, -1, -1, 50, 50, 3'600'000});
    token_source source(s.transport(), s.listener(), quick);
    ASSERT_TRUE(s.wait([&] { return s.got == 4; }));
    EXPECT_EQ(s.failed, 2u);
    EXPECT_EQ(s.why, "nobody there");
    EXPECT_EQ(s.asked, 6u) << "the last one is good for an hour";
}

TEST(token_source, one_that_has_expired_is_a_failure) {
    script s({0, 3'600'000});
    token_source source(s.transport(), s.listener(), quick);
    ASSERT_TRUE(s.wait([&] { return s.got == 1; }));
    EXPECT_EQ(s.failed, 1u);
    EXPECT_EQ(s.why, "the token has expired");
}

TEST(token_source, is_asked_for_another) {
    script s({3'600'000});
    token_source source(s.transport(), s.listener(), quick);
    ASSERT_TRUE(s.wait([&] { return s.got == 1; }));
    source.renew();
    ASSERT_TRUE(s.wait([&] { return s.got == 2; }));
}

TEST(token_source, ends_while_it_waits_for_an_answer) {
    std::promise<void> begun, cancelled;
    {
        token_source source({[&] {
                                 begun.set_value();
                                 cancelled.get_future().wait();
                                 throw std::runtime_error("cancelled");
                                 return bearer_token{};
                             },
                             [&] { cancelled.set_value(); }},
                            {[](const bearer_token&) {}, [](const std::string&) { ADD_FAILURE(); }},
                            quick);
        begun.get_future().wait();
    }
}

// ---- credentials before any handle ----

TEST(credentials, are_known_or_not) {
    sasl_config c;
    c.mechanism = "PLAIN";
    c.username = "u";
    c.password = "p";
    EXPECT_TRUE(credentials(c).known());
    EXPECT_EQ(credentials(c).login(), std::pair(std::string("u"), std::string("p")));
    c.guards_credentials = true;
    c.password.clear();
    credentials guarded(c);
    EXPECT_FALSE(guarded.known());
    EXPECT_NE(guarded.login().second, "") << "librdkafka refuses an empty one";
    guarded.from_guard("other", "secret");
    EXPECT_EQ(guarded.login(), std::pair(std::string("u"), std::string("secret")));
    EXPECT_EQ(guarded.identity(), "u");
}

TEST(credentials, of_tokens) {
    sasl_config c;
    c.mechanism = "OAUTHBEARER";
    EXPECT_FALSE(credentials(c).known());
    c.token = jwt;
    EXPECT_TRUE(credentials(c).known());
    EXPECT_EQ(credentials(c).identity(), "weft-1");
    c.token = "e30.eyJleHAiOjF9.x";  // 1970
    EXPECT_FALSE(credentials(c).known());
    c.token = "no token";
    EXPECT_FALSE(credentials(c).known());
}

}  // namespace
}  // namespace weft::kafka::client
