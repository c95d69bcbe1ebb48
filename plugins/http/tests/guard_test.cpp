// Requests with credentials: where these are found, what a guard makes of them, and for how long.
#include "credentials.hpp"
#include "limits.hpp"

#include <weft/testing.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

extern "C" const weft_plugin* weft_plugin_1(void);

namespace {

using namespace std::chrono_literals;
using namespace weft::http;
using testing::HasSubstr;
using testing::StartsWith;
using weft::testing::frame;
using weft::testing::peer;

guard_use authorization(const std::string& credentials) {
    weft::binding_config c;
    c.ns = "n";
    c.name = "b";
    return read_authorization(
        c, nlohmann::json::parse(R"({"g": {"credentials": )" + credentials + "}}"));
}
std::string found(const guard_use& g, std::vector<field> fields, std::string path = "/") {
    request r;
    r.path = std::move(path);
    r.fields = std::move(fields);
    return find_credentials(g, r).value_or("nothing");
}

TEST(credentials, in_headers) {
    const auto g = authorization(
        R"({"headers": {"Authorization": "Bearer {credentials}", "x-key": "k {credentials}"}})");
    EXPECT_EQ(g.name, "n:g");
    EXPECT_EQ(g.challenge, "Bearer");
    EXPECT_EQ(found(g, {{"authorization", "Bearer abc"}}), "abc");
    EXPECT_EQ(found(g, {{"authorization", "bearer abc"}}), "abc");
    EXPECT_EQ(found(g, {{"authorization", "Basic abc"}}), "nothing");
    EXPECT_EQ(found(g, {{"authorization", "Bearer "}}), "nothing");
    EXPECT_EQ(found(g, {{"x-key", "k 1"}}), "1");
    EXPECT_EQ(found(g, {{"x-key", "K 1"}}), "nothing");
    EXPECT_EQ(authorization(R"({"headers": {"authorization": "Basic {credentials}"}})").challenge,
              "Basic realm=\"b\"");
}

TEST(credentials, in_the_query) {
    const auto g = authorization(R"({"query": {"access_token": "{credentials}"}})");
    EXPECT_EQ(found(g, {}, "/mqtt?a=b&access_token=x%2By%3d&c"), "x+y=");
    EXPECT_EQ(found(g, {}, "/mqtt?Access_token=x"), "nothing");
    EXPECT_EQ(found(g, {}, "/mqtt?access_token="), "nothing");
    EXPECT_EQ(found(g, {}, "/mqtt?access_token=%4"), "nothing");
    EXPECT_EQ(found(g, {}, "/mqtt?access_token=%4x&access_token=y"), "y");
    EXPECT_EQ(found(g, {}, "/access_token=x"), "nothing");
}

TEST(credentials, in_cookies) {
    const auto g = authorization(R"({"cookies": {"session": "t-{credentials}"}})");
    EXPECT_EQ(found(g, {{"cookie", "a=b; session=t-1; c"}}), "1");
    EXPECT_EQ(found(g, {{"cookie", "a=b"}, {"cookie", " session=\"t-2\""}}), "2");
    EXPECT_EQ(found(g, {{"cookie", "session=1; xsession=t-3"}}), "nothing");
}

TEST(credentials, headers_come_first) {
    const auto g = authorization(
        R"({"cookies": {"t": "{credentials}"}, "query": {"t": "{credentials}"}, "headers": {"t": "{credentials}"}})");
    EXPECT_EQ(found(g, {{"cookie", "t=c"}, {"t", "h"}}, "/?t=q"), "h");
    EXPECT_EQ(found(g, {{"cookie", "t=c"}}, "/?t=q"), "q");
}

TEST(credentials, what_is_wrong_is_told_with_its_place) {
    const auto path = [](const char* text) {
        try {
            authorization(text);
        } catch (const weft::config_error& e) {
            return e.path();
        }
        return std::string("accepted");
    };
    EXPECT_EQ(path("{}"), "/options/authorization/g/credentials");
    EXPECT_EQ(path(R"({"headers": {"a b": "{credentials}"}})"),
              "/options/authorization/g/credentials/headers/a b");
    EXPECT_EQ(path(R"({"cookies": {"a": "x"}})"), "/options/authorization/g/credentials/cookies/a");
}

constexpr const char* with_guard = R"({"options": {"authorization": {"g": {"credentials": {
      "headers": {"authorization": "Bearer {credentials}"}}}}},
    "routes": [{"guarded": {"g": ["admin"]}, "when": [{"headers": {":path": "/admin"}}], "exit": 1},
               {"guarded": {"g": []}, "when": [{"headers": {":path": "/mqtt"}}], "exit": 1},
               {"when": [{"headers": {":path": "/public"}}], "exit": 1}]})";

std::string get(const std::string& path, const std::string& token = "",
                const std::string& more = "") {
    return "GET " + path + " HTTP/1.1\r\nHost: h\r\n" +
           (token.empty() ? "" : "Authorization: Bearer " + token + "\r\n") + more + "\r\n";
}
const std::string to_mqtt = "Upgrade: websocket\r\nConnection: Upgrade\r\n";

class guarded : public testing::Test {
protected:
    guarded() {
        host.guard("test:g", [this](const weft_guard_request& q) {
            ++asked;
            weft::testing::verdict v;
            const auto token = weft::text_of(q.credentials);
            if (token == "bad") return v.refusal = "no", v;
            v.who.emplace();
            v.who->identity = token;
            if (token == "boss") v.who->roles = {"admin"};
            v.who->expires_ms = expires_ms;
            return v;
        });
    }
    peer& client() {
        auto& c = binding.open();
        c.expect(WEFT_BEGIN);
        c.keep_window(65536);
        return c;
    }
    std::string answer(const std::string& request) {
        auto& c = client();
        c.send(request);
        auto text = c.take_data();
        if (!c.closed()) c.abort();
        return text;
    }
    // `behind`: what the client says without waiting for the answer.
    peer& tunnel(peer& c, const std::string& behind = {}) {
        c.send(get("/mqtt", "anna", to_mqtt) + behind);
        auto& e = host.accepted(1);
        e.keep_window(65536);
        weft::meta_writer<weft_http_begin> m;
        const auto list = m.list<weft_pair>(1);
        m.put_pair(list, 0, ":status", "101");
        m->headers = list;
        e.begin(m.get());
        EXPECT_THAT(c.take_data(), StartsWith("HTTP/1.1 101 "));
        return e;
    }
    void TearDown() override { host.finish(); }

    weft::testing::host host;
    weft::testing::subject& binding = host.run(weft_plugin_1, with_guard);
    uint64_t expires_ms = WEFT_GUARD_NEVER;
    int asked = 0;
};

TEST_F(guarded, answers_without_the_right_credentials) {
    EXPECT_THAT(answer(get("/mqtt")),
                testing::AllOf(StartsWith("HTTP/1.1 401 Unauthorized\r\n"),
                               HasSubstr("\r\nwww-authenticate: Bearer\r\n")));
    EXPECT_THAT(answer(get("/mqtt", "bad")), StartsWith("HTTP/1.1 403 "));
    EXPECT_THAT(answer(get("/admin", "anna")), StartsWith("HTTP/1.1 403 "));
    EXPECT_THAT(answer(get("/nowhere", "anna")), StartsWith("HTTP/1.1 404 "));
    EXPECT_THAT(answer(get("/nowhere")), StartsWith("HTTP/1.1 404 "));
}

TEST_F(guarded, the_authorization_travels_on) {
    auto& c = client();
    c.send(get("/admin", "boss"));
    auto& e = host.accepted(1);
    EXPECT_NE(e.opened_with().auth, 0u);
    c.abort();
}

TEST_F(guarded, what_needs_no_credentials_is_there_for_everybody) {
    for (const char* token : {"", "bad"}) {
        auto& c = client();
        c.send(get("/public", token));
        EXPECT_EQ(host.accepted(1).opened_with().auth, 0u) << token;
        c.abort();
    }
}

TEST_F(guarded, every_request_is_asked_anew) {
    auto& c = client();
    c.send(get("/admin", "anna") + get("/admin") + get("/admin", "bad") + get("/admin", "boss"));
    EXPECT_NE(host.accepted(1).opened_with().auth, 0u);
    const auto all = c.take_data();
    EXPECT_THAT(all, StartsWith("HTTP/1.1 403 "));
    EXPECT_THAT(all, HasSubstr("HTTP/1.1 401 "));
    EXPECT_EQ(asked, 3);
    c.abort();
}

TEST_F(guarded, bytes_behind_the_head_wait_for_the_guard) {
    auto& c = client();
    auto& e = tunnel(c, "early");
    EXPECT_EQ(e.take_data(), "early");
    c.abort();
}

TEST_F(guarded, who_leaves_does_not_wait) {
    auto& c = client();
    c.send(get("/mqtt", "anna"));
    c.abort();
    EXPECT_TRUE(c.closed());
}

TEST_F(guarded, a_tunnel_ends_with_what_its_client_may_do) {
    auto& c = client();
    expires_ms = 1'700'001'000'000 + 60'000;
    auto& e = tunnel(c);
    host.advance(62s);
    c.send("still");
    EXPECT_EQ(e.take_data(), "still") << "the binding above has a moment to say goodbye";
    host.advance(5s);
    EXPECT_TRUE(e.expect(WEFT_END).as<weft_tcp_reset>());
    e.end();
    c.expect(WEFT_END);
    if (!c.closed()) c.abort();
}

TEST_F(guarded, a_tunnel_without_an_end_has_none) {
    auto& c = client();
    auto& e = tunnel(c);
    host.advance(48h);
    c.send("still");
    EXPECT_EQ(e.take_data(), "still");
    c.abort();
}

TEST_F(guarded, a_far_end_is_looked_at_now_and_then) {
    auto& c = client();
    expires_ms = 1'700'001'000'000 + 5 * 3'600'000;
    auto& e = tunnel(c);
    host.advance(4h + 59min);
    c.send("still");
    EXPECT_EQ(e.take_data(), "still");
    host.advance(66s);
    e.expect(WEFT_END);
    e.end();
    c.expect(WEFT_END);
    if (!c.closed()) c.abort();
}

}  // namespace
