// The guard as a whole: its options, tokens, and the events of those that it refuses.
#include "jwt.hpp"

#include "config.hpp"
#include "tests/issuer.hpp"

#include <weft/testing/temporary_folder.hpp>

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace weft::guard_jwt {
namespace {

using nlohmann::json;

constexpr uint64_t today = 1'700'000'000'000;

// The little of a host that the guard needs.
struct host {
    host() {
        current() = this;
        static const weft_reactor_vt reactor = [] {
            weft_reactor_vt vt{};
            vt.size = sizeof vt;
            vt.now = [](weft_worker*) { return current()->now_ns += 2'000'000'000; };
            vt.wall_ms = [](weft_worker*) { return today; };
            return vt;
        }();
        static const weft_events_vt event_table{
            sizeof event_table, 0,
            [](weft_worker*, uint32_t, uint64_t, const char* id, const char* text) {
                current()->events.push_back(std::string(id) + " " + text);
            },
            nullptr};
        services.reactor = &reactor;
        services.events = &event_table;
    }
    ~host() { services = {}; }
    host(const host&) = delete;
    host& operator=(const host&) = delete;

    static host*& current() {
        static host* h = nullptr;
        return h;
    }
    std::vector<std::string> events;
    uint64_t now_ns = 0;
};

// "IDENTITY role role", or the refusal.
std::string ask(guard& g, std::string_view credentials) {
    std::string out = "no answer";
    weft_guard_request q{};
    q.size = sizeof q;
    q.credentials = {nullptr, reinterpret_cast<const uint8_t*>(credentials.data()),
                     static_cast<uint32_t>(credentials.size()), 0};
    const auto answered = [](void* to, const weft_guard_session* s, const char* refusal) {
        auto& text = *static_cast<std::string*>(to);
        text = s ? s->identity : refusal;
        for (uint32_t i = 0; s && i < s->role_count; ++i) text += std::string(" ") + s->roles[i];
    };
    g.verify(worker(), q, guard_answer(answered, &out));
    return out;
}

class jwt_test : public ::testing::Test {
protected:
    void write(const char* name, const std::string& text) const {
        std::ofstream(folder_ / name) << text;
    }
    jwt_config read(const json& options) const {
        entity_config c;
        c.ns = "n";
        c.name = "g";
        c.options = options;
        c.config_directory = folder_.string();
        return guard_jwt::read_config(c);
    }
    std::string error(const json& options) const {
        try {
            read(options);
        } catch (const config_error& e) {
            return e.path() + ": " + e.what();
        }
        return "none";
    }
    std::unique_ptr<jwt_guard> open(const json& options) const {
        auto c = read(options);
        return std::make_unique<jwt_guard>(jwt_options{c.rules, c.files, c.digest},
                                           std::make_unique<fixed_keys>(std::move(*c.keys)));
    }
    static json claims() {
        return {{"iss", "me"},
                {"aud", "you"},
                {"sub", "anna"},
                {"scope", "a b"},
                {"exp", today / 1'000 + 60}};
    }

    host host_;
    const testing::temporary_folder temporary_;
    const std::filesystem::path folder_ = temporary_.path();
    const issuer rsa_{"RS256", "r"};
};

TEST_F(jwt_test, lets_in_and_refuses_in_the_order_of_its_checks) {
    const auto g = open({{"issuer", "me"}, {"audience", "you"}, {"keys", {rsa_.jwk()}}});
    EXPECT_EQ(ask(*g, rsa_.token(claims())), "anna a b");
    EXPECT_TRUE(host_.events.empty());

    EXPECT_EQ(ask(*g, ""), "Missing credentials.");
    EXPECT_EQ(host_.events.back(),
              "guard.jwt.authorization.failed JWT token authorization failed for identity (). "
              "Missing credentials.");
    EXPECT_EQ(ask(*g, "abc"), "The token is malformed.");
    EXPECT_EQ(ask(*g, issuer("RS256", "x").token(claims())), "Invalid alg or key.");
    EXPECT_EQ(ask(*g, issuer("HS256", "r").token(claims())), "Invalid alg or key.");
    auto none = rsa_.header();
    none["alg"] = "none";
    EXPECT_EQ(ask(*g, rsa_.token(none, claims().dump())), "Invalid alg or key.");
    EXPECT_EQ(ask(*g, issuer("RS256", "r", 1).token(claims())), "Unable to verify key signature.");
    EXPECT_EQ(host_.events.back(),
              "guard.jwt.authorization.failed JWT token authorization failed for identity (anna). "
              "Unable to verify key signature.");
    auto c = claims();
    c["exp"] = 1;
    c["iss"] = "other";
    EXPECT_EQ(ask(*g, rsa_.token(c)), "Token is expired.");
    c["exp"] = today;
    EXPECT_EQ(ask(*g, rsa_.token(c)), "Invalid issuer or audience.");
}

TEST_F(jwt_test, an_event_shows_no_more_than_a_line) {
    const auto g = open({{"keys", {rsa_.jwk()}}});
    auto c = claims();
    c["sub"] = "a\nb\x1b" + std::string(97, 'x') + "ä";
    c["exp"] = 1;
    ask(*g, rsa_.token(c));
    EXPECT_EQ(host_.events.back(),
              "guard.jwt.authorization.failed JWT token authorization failed for identity (a b " +
                  std::string(96, 'x') + "). Token is expired.");
}

TEST_F(jwt_test, keys_of_every_place) {
    const issuer ec("ES256", "e"), ed("EdDSA", "d"), hmac("HS256", "h");
    EXPECT_EQ(ask(*open({{"keys", {ec.jwk(), rsa_.jwk()}}}), ec.token(claims())), "anna a b");
    write("set.json", json{{"keys", {ed.jwk(), hmac.jwk()}}}.dump());
    EXPECT_EQ(ask(*open({{"keys", "set.json"}}), ed.token(claims())), "anna a b");
    EXPECT_EQ(ask(*open({{"keys", "set.json"}}), hmac.token(claims())), "Invalid alg or key.");
    EXPECT_EQ(ask(*open({{"keys", "set.json"}, {"symmetric", true}}), hmac.token(claims())),
              "anna a b");
    write("key.pem", rsa_.pem());
    EXPECT_EQ(ask(*open({{"keys", "key.pem"}}), rsa_.token(claims())), "anna a b");
    EXPECT_EQ(read({{"keys", "https://a.example/k"}}).url, "https://a.example/k");
    EXPECT_EQ(read({{"issuer", "https://a.example/"}}).url,
              "https://a.example/.well-known/jwks.json");
}

TEST_F(jwt_test, a_changed_file_is_another_guard) {
    write("set.json", json{{"keys", {rsa_.jwk()}}}.dump());
    const auto before = open({{"keys", "set.json"}});
    EXPECT_EQ(before->files(), std::vector{(folder_ / "set.json").string()});
    EXPECT_EQ(open({{"keys", "set.json"}})->digest(), before->digest());
    write("set.json", json{{"keys", {issuer("RS256", "new").jwk()}}}.dump());
    EXPECT_NE(open({{"keys", "set.json"}})->digest(), before->digest());
}

TEST_F(jwt_test, what_is_wrong_is_told_with_its_place) {
    auto bad = rsa_.jwk();
    bad["alg"] = "ES256";
    EXPECT_EQ(error({{"keys", {rsa_.jwk(), bad}}}), "/options/keys/1: alg 'ES256' does not fit it");
    EXPECT_EQ(error({{"keys", {issuer("HS256").jwk()}}}),
              "/options/keys/0: a symmetric key (kty oct) can make tokens as well as verify them; "
              "say 'symmetric: true' if that is meant");
    EXPECT_EQ(error({{"keys", "none.json"}}), "/options/keys: none.json: cannot be read");
    write("odd.json", "{}");
    EXPECT_EQ(error({{"keys", "odd.json"}}), "/options/keys: odd.json: it has no list 'keys'");
    EXPECT_EQ(error(json::object()),
              "/options: 'keys' is required, or an issuer whose URL has them");
    EXPECT_EQ(error({{"issuer", "me"}}),
              "/options: 'keys' is required: the issuer is no URL that could have them");
    EXPECT_EQ(error({{"keys", {rsa_.jwk()}}, {"trust", "ca.pem"}}),
              "/options/trust: it is for keys from an https URL");
    write("ca.pem", "nothing");
    EXPECT_EQ(error({{"keys", "https://a.example"}, {"trust", "ca.pem"}}),
              "/options/trust: ca.pem: has no certificate in PEM");
}

TEST_F(jwt_test, warns_of_what_is_open) {
    EXPECT_EQ(read({{"keys", {rsa_.jwk()}}}).warnings.size(), 1u) << "no audience";
    EXPECT_EQ(read({{"keys", "http://a.example"}, {"audience", "a"}}).warnings.size(), 1u);
    EXPECT_TRUE(read({{"keys", {rsa_.jwk()}}, {"audience", "a"}}).warnings.empty());
}

// A key that is not there yet comes with the next reading.
class slow_keys final : public key_source {
public:
    keys_ptr keys() const override { return keys_; }
    bool renew(std::function<void()> then) override {
        if (then_) return false;
        then_ = std::move(then);
        return true;
    }
    void come(key_set k) {
        keys_ = std::make_shared<const key_set>(std::move(k));
        std::exchange(then_, nullptr)();
    }

private:
    keys_ptr keys_;
    std::function<void()> then_;
};

TEST_F(jwt_test, a_token_waits_for_its_key) {
    auto owned = std::make_unique<slow_keys>();
    auto* keys = owned.get();
    jwt_guard g({}, std::move(owned));
    std::string out = "no answer";
    const auto text = rsa_.token(claims());
    weft_guard_request q{};
    q.credentials = {nullptr, reinterpret_cast<const uint8_t*>(text.data()),
                     static_cast<uint32_t>(text.size()), 0};
    const auto answered = [](void* to, const weft_guard_session* s, const char* refusal) {
        *static_cast<std::string*>(to) = s ? s->identity : refusal;
    };
    g.verify(worker(), q, guard_answer(answered, &out));
    EXPECT_EQ(out, "no answer");
    EXPECT_EQ(ask(g, rsa_.token(claims())), "The keys could not be read.")
        << "nothing more to wait for";
    keys->come(read_key_set(json{{"keys", {rsa_.jwk()}}}.dump(), false));
    EXPECT_EQ(out, "anna");
    EXPECT_EQ(ask(g, rsa_.token(claims())), "anna a b") << "the key is there";

    g.verify(worker(), q, guard_answer(answered, &out));
    const auto other = issuer("RS256", "x").token(claims());
    q.credentials = {nullptr, reinterpret_cast<const uint8_t*>(other.data()),
                     static_cast<uint32_t>(other.size()), 0};
    g.verify(worker(), q, guard_answer(answered, &out));
    keys->come(read_key_set(json{{"keys", {rsa_.jwk()}}}.dump(), false));
    EXPECT_EQ(out, "Invalid alg or key.") << "read again, and still not there";
}

}  // namespace
}  // namespace weft::guard_jwt
