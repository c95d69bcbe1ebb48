// Who somebody is said to be.
#include "inline.hpp"

#include <gtest/gtest.h>

namespace weft::guard_inline {
namespace {

// "IDENTITY CREDENTIALS", with " +ROLE" and " NAME=VALUE" of what it has; or the refusal.
std::string ask(const char* options, std::string_view text) {
    entity_config c;
    c.options = nlohmann::json::parse(options);
    inline_guard g(guard_inline::read_config(c));
    std::string out;
    weft_guard_request q{};
    q.credentials = {nullptr, reinterpret_cast<const uint8_t*>(text.data()),
                     static_cast<uint32_t>(text.size()), 0};
    const auto answered = [](void* to, const weft_guard_session* s, const char* refusal) {
        *static_cast<std::string*>(to) =
            s ? std::string(s->identity) + " " + s->credentials : refusal;
        if (!s) return;
        for (uint32_t i = 0; i < s->role_count; ++i)
            *static_cast<std::string*>(to) += std::string(" +") + s->roles[i];
        for (uint32_t i = 0; i < s->attribute_count; ++i)
            *static_cast<std::string*>(to) +=
                std::string(" ") + s->attributes[2 * i] + "=" + s->attributes[2 * i + 1];
    };
    g.verify(worker(), q, guard_answer(answered, &out));
    return out;
}
std::string fault_in(nlohmann::json options) {
    entity_config c;
    c.options = std::move(options);
    try {
        guard_inline::read_config(c);
    } catch (const config_error& e) {
        return e.path() + ": " + e.what();
    }
    return "none";
}
std::string fault(const char* format) {
    return fault_in({{"format", format}});
}

TEST(inline_guard, believes_what_it_is_told) {
    EXPECT_EQ(ask("{}", "anna"), "anna anna");
    EXPECT_EQ(ask(R"({"identity": "all"})", "anna"), "all anna");
    EXPECT_EQ(ask(R"({"identity": "all", "credentials": "x"})", "anna"), "all x");
    EXPECT_EQ(ask("{}", std::string_view("a\0b", 3)), "A NUL in the identity.");
}

TEST(inline_guard, roles_and_attributes) {
    constexpr const char* some = R"({"format": "CN={identity}", "roles": ["device"], "users": {
        "boss": {"roles": ["admin", "x"], "attributes": {"site": "north"}}, "carl": {}}})";
    EXPECT_EQ(ask(some, "CN=boss"), "boss  +device +admin +x site=north");
    EXPECT_EQ(ask(some, "CN=carl"), "carl  +device");
    EXPECT_EQ(ask(some, "CN=anna"), "anna  +device");
    EXPECT_EQ(ask(R"({"identity": "all", "users": {"all": {"roles": ["a"]}}})", "x"), "all x +a");
    EXPECT_EQ(fault_in({{"identity", "all"}, {"users", {{"boss", nlohmann::json::object()}}}}),
              "/options/users/boss: everybody is 'all' (options.identity)");
}

TEST(inline_guard, formats) {
    constexpr const char* colon = R"({"format": "{identity}:{credentials}"})";
    EXPECT_EQ(ask(colon, "anna:secret:x"), "anna secret:x");
    for (const char* bad : {"anna", "anna:", ":secret", "", ":"})
        EXPECT_EQ(ask(colon, bad), "The credentials have another form.") << bad;
    EXPECT_EQ(ask(R"({"format": "<{credentials}@{identity}>"})", "<s@a>"), "a s");
    EXPECT_EQ(ask(R"({"format": "id={identity}"})", "id=a"), "a ");
    EXPECT_EQ(ask(R"({"format": "id={identity}"})", "xx=a"), "The credentials have another form.");
}

TEST(inline_guard, formats_that_are_none) {
    EXPECT_EQ(fault("anna"), "/options/format: 'anna' needs {identity} or {credentials}");
    EXPECT_EQ(fault("{identity}{credentials}"),
              "/options/format: '{identity}{credentials}' needs something between {identity} and "
              "{credentials}");
    EXPECT_EQ(fault("{identity} {identity}"),
              "/options/format: '{identity} {identity}' has the same place twice");
}

}  // namespace
}  // namespace weft::guard_inline
