// Who somebody is said to be.
#include "inline.hpp"

#include <gtest/gtest.h>

namespace weft::guard_inline {
namespace {

// "IDENTITY CREDENTIALS", or the refusal.
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
    };
    g.verify(worker(), q, guard_answer(answered, &out));
    return out;
}
std::string fault(const char* format) {
    entity_config c;
    c.options = {{"format", format}};
    try {
        guard_inline::read_config(c);
    } catch (const config_error& e) {
        return e.path() + ": " + e.what();
    }
    return "none";
}

TEST(inline_guard, believes_what_it_is_told) {
    EXPECT_EQ(ask("{}", "anna"), "anna anna");
    EXPECT_EQ(ask(R"({"identity": "all"})", "anna"), "all anna");
    EXPECT_EQ(ask(R"({"identity": "all", "credentials": "x"})", "anna"), "all x");
    EXPECT_EQ(ask("{}", std::string_view("a\0b", 3)), "A NUL in the identity.");
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
