// Password files as mosquitto_passwd writes them, and what is said of others.
#include "password_file.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace weft::guard_users {
namespace {

// Made by mosquitto_passwd: "secret"; "pencil" with -H sha512; "pass word" with -I 2000.
constexpr const char* anna =
    "anna:$7$101$tDIb6j3MZ8wAjQuV$HCZZ1pKxoblmTysgZIdWx7b6J/klNxM/"
    "XHoLOXs15LZfGxVjS5XQduortfHsLVmbjrL5/vozQsGMUL0Qj6JgOA==\n";
constexpr const char* bob =
    "bob:$6$aIo602hMupsOQGBY$TAzqeTUMgryh9DA7+poIo8IBjWqibxeI4LsEU516rdicjcYm5iLI881QvYSP7/"
    "b71sa9RGWhoh4Fvzw/PrsLBw==\n";
constexpr const char* carl =
    "carl:$7$2000$RHwcJt8rmUlsQGS9$Ap9FXPX7tUcI4GTrxcyzhfo0blY9pAAKJEZJ6W9XrFcDCncrqL/"
    "Eb4o05jtJ08UpIt2pEb9hZhqmfcX6NdTt6Q==\n";

std::string fault(const std::string& text) {
    try {
        password_file::parse(text, "users.txt");
    } catch (const std::runtime_error& e) {
        return e.what();
    }
    return "";
}

bool right(const password_file& f, std::string_view name, std::string_view password) {
    bool known = false;
    const auto hash = f.find(name, known);
    return proves(password, hash) && known;
}

TEST(password_file, what_mosquitto_passwd_writes) {
    const auto f = password_file::parse(std::string("# who\n\n") + anna + bob + carl, "f");
    EXPECT_EQ(f.size(), 3u);
    EXPECT_TRUE(right(f, "anna", "secret"));
    EXPECT_TRUE(right(f, "bob", "pencil"));
    EXPECT_TRUE(right(f, "carl", "pass word"));
    for (const char* wrong : {"", "Secret", "secret ", "pencil"})
        EXPECT_FALSE(right(f, "anna", wrong)) << wrong;
    EXPECT_FALSE(right(f, "bob", "secret"));
    EXPECT_FALSE(right(f, "nobody", "secret"));
    EXPECT_FALSE(right(f, "Anna", "secret"));
}

TEST(password_file, who_is_not_there_costs_as_much) {
    const auto f = password_file::parse(carl, "f");
    bool known = true;
    EXPECT_EQ(f.find("nobody", known).iterations, 2'000u);
    EXPECT_FALSE(known);
}

TEST(password_file, last_line_without_an_end_and_lines_of_windows) {
    std::string text = std::string(anna) + bob;
    text.pop_back();
    EXPECT_EQ(password_file::parse(text, "f").size(), 2u);
    std::string crlf = anna;
    crlf.insert(crlf.size() - 1, "\r");
    EXPECT_TRUE(right(password_file::parse(crlf, "f"), "anna", "secret"));
}

TEST(password_file, says_what_is_wrong_where) {
    const std::string good = anna;
    EXPECT_EQ(fault(""), "users.txt: nobody is in it");
    EXPECT_EQ(fault("# a comment\n"), "users.txt: nobody is in it");
    EXPECT_EQ(fault(good + good), "users.txt:2: 'anna' is there already");
    EXPECT_EQ(fault("anna"), "users.txt:1: not name:password");
    EXPECT_EQ(fault(good + "\n:$7$"), "users.txt:3: not name:password");
    EXPECT_EQ(fault("x:secret"),
              "users.txt:1: the password is not hashed as $7$ or $6$; mosquitto_passwd -U FILE "
              "does that");
    for (const char* n : {"", "0", "-1", "1000001", "99999999999", "1x"})
        EXPECT_EQ(fault("x:$7$" + std::string(n) + "$YWJj$YWJj"),
                  "users.txt:1: the number of iterations is not from 1 to 1000000")
            << n;
    EXPECT_EQ(fault("x:$6$"), "users.txt:1: the salt is not base64");
    EXPECT_EQ(fault("x:$6$a-b_$YWJj"), "users.txt:1: the salt is not base64");
    EXPECT_EQ(fault("x:$6$YWJj"), "users.txt:1: the hash is not 64 bytes in base64");
    EXPECT_EQ(fault("x:$7$101$YWJj$YWJj"), "users.txt:1: the hash is not 64 bytes in base64");
    EXPECT_EQ(fault(good.substr(0, good.size() - 1) + "$x"),
              "users.txt:1: something follows the hash");
}

TEST(password_file, a_file_that_is_not_there) {
    EXPECT_THROW(password_file::load("/nowhere/users.txt", "users.txt"), std::runtime_error);
}

}  // namespace
}  // namespace weft::guard_users
