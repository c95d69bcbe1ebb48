// The guard itself: its options, whom it lets in, and as whom.
#include "users.hpp"

#include <weft/base64.hpp>
#include <weft/testing/temporary_folder.hpp>

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace weft::guard_users {
namespace {

constexpr const char* file_text =
    "anna:$7$101$tDIb6j3MZ8wAjQuV$HCZZ1pKxoblmTysgZIdWx7b6J/klNxM/"
    "XHoLOXs15LZfGxVjS5XQduortfHsLVmbjrL5/vozQsGMUL0Qj6JgOA==\n"
    "bob:$6$aIo602hMupsOQGBY$TAzqeTUMgryh9DA7+poIo8IBjWqibxeI4LsEU516rdicjcYm5iLI881QvYSP7/"
    "b71sa9RGWhoh4Fvzw/PrsLBw==\n";

class users_test : public ::testing::Test {
protected:
    users_test() { write(file_text); }

    void write(const std::string& text) { std::ofstream(folder_ / "users.txt") << text; }
    users_guard open(const std::string& options = R"({"file": "users.txt"})") const {
        entity_config c;
        c.options = nlohmann::json::parse(options);
        c.config_directory = folder_.string();
        return users_guard(guard_users::read_config(c));
    }
    std::string error(const std::string& options) const {
        try {
            open(options);
        } catch (const config_error& e) {
            return e.path() + ": " + e.what();
        }
        return "none";
    }
    // "IDENTITY role role; name=value", or the refusal.
    static std::string ask(users_guard& g, const char* name, std::string_view credentials) {
        std::string out;
        weft_guard_request q{};
        q.size = sizeof q;
        q.username = name;
        q.credentials = {nullptr, reinterpret_cast<const uint8_t*>(credentials.data()),
                         static_cast<uint32_t>(credentials.size()), 0};
        const auto answered = [](void* to, const weft_guard_session* s, const char* refusal) {
            auto& text = *static_cast<std::string*>(to);
            if (!s) {
                text = refusal;
                return;
            }
            text = s->identity;
            for (uint32_t i = 0; i < s->role_count; ++i) text += std::string(" ") + s->roles[i];
            for (uint32_t i = 0; i < s->attribute_count; ++i)
                text += std::string("; ") + s->attributes[2 * i] + "=" + s->attributes[2 * i + 1];
        };
        g.verify(worker(), q, guard_answer(answered, &out));
        return out;
    }

    const testing::temporary_folder temporary_;
    const std::filesystem::path folder_ = temporary_.path();
};

constexpr const char* wrong = "Wrong user name or password.";

TEST_F(users_test, who_knows_the_password_is_who_it_says) {
    auto g = open(R"({"file": "users.txt", "roles": ["device"],
                      "users": {"anna": {"roles": ["admin"], "attributes": {"site": "7"}}}})");
    EXPECT_EQ(ask(g, "anna", "secret"), "anna device admin; site=7");
    EXPECT_EQ(ask(g, "bob", "pencil"), "bob device");
    EXPECT_EQ(ask(g, "bob", "secret"), wrong);
    EXPECT_EQ(ask(g, "carl", "secret"), wrong);
    EXPECT_EQ(ask(g, "", ""), wrong);
    EXPECT_EQ(ask(g, "anna", std::string(100'000, 'x')), wrong);
}

TEST_F(users_test, name_and_password_in_one) {
    auto g = open();
    EXPECT_EQ(ask(g, nullptr, "anna:secret"), "anna");
    EXPECT_EQ(ask(g, nullptr, to_base64("bob:pencil")), "bob");
    for (const char* bad : {"anna", "", ":", "anna:", "YW5uYQ==", "%%%"})
        EXPECT_EQ(ask(g, nullptr, bad), wrong) << bad;
}

TEST_F(users_test, what_is_wrong_is_told_with_its_place) {
    EXPECT_EQ(error(R"({"file": "none.txt"})"), "/options/file: none.txt: cannot be read");
    EXPECT_EQ(error(R"({"file": "users.txt", "users": {"carl": {}}})"),
              "/options/users/carl: no user 'carl' in users.txt");
    write("# nobody yet\nanna:secret\n");
    EXPECT_EQ(error(R"({"file": "users.txt"})"),
              "/options/file: users.txt:2: the password is not hashed as $7$ or $6$; "
              "mosquitto_passwd -U FILE does that");
}

TEST_F(users_test, a_changed_file_is_another_guard) {
    const auto before = open().digest();
    EXPECT_EQ(open().digest(), before);
    EXPECT_EQ(open().files(), std::vector{(folder_ / "users.txt").string()});
    write(std::string(file_text).substr(0, std::string_view(file_text).find("bob")));
    EXPECT_NE(open().digest(), before);
}

}  // namespace
}  // namespace weft::guard_users
