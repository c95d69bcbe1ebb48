#include "cli/directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>
#include <filesystem>
#include <fstream>
#include <optional>

namespace weft::cli {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class directory : public ::testing::Test {
protected:
    directory() : root(::testing::TempDir() + "weft-directory-" + std::to_string(::getpid())) {}
    ~directory() override { fs::remove_all(root); }

    std::string root;
    std::string engine = root + "/a/engine";
};

TEST_F(directory, is_created_and_locked) {
    std::optional<engine_directory> mine(engine_directory::claim(engine));
    EXPECT_EQ(mine->path(), engine);
    EXPECT_EQ(mine->sibling(), 0);
    EXPECT_TRUE(is_held(engine));
    EXPECT_EQ(pid_of(engine), ::getpid());
    mine.reset();
    EXPECT_FALSE(is_held(engine));
    EXPECT_EQ(pid_of(engine), std::nullopt);
}

TEST_F(directory, a_second_one_is_a_sibling) {
    const auto first = engine_directory::claim(engine);
    const auto second = engine_directory::claim(engine + "/");
    EXPECT_EQ(second.path(), engine + "-1");
    EXPECT_EQ(second.sibling(), 1);
    const auto third = engine_directory::claim(engine);
    EXPECT_EQ(third.path(), engine + "-2");
    EXPECT_THAT(held_siblings(engine), ElementsAre(engine, engine + "-1", engine + "-2"));
}

TEST_F(directory, a_free_one_is_taken_again) {
    { const auto first = engine_directory::claim(engine); }
    EXPECT_EQ(engine_directory::claim(engine).sibling(), 0);
    EXPECT_THAT(held_siblings(engine), IsEmpty());
}

TEST_F(directory, looking_does_not_take) {
    EXPECT_FALSE(is_held(engine));
    { const auto first = engine_directory::claim(engine); }
    EXPECT_FALSE(is_held(engine));
    EXPECT_EQ(engine_directory::claim(engine).sibling(), 0);
}

TEST_F(directory, what_a_killed_process_left_is_no_obstacle) {
    int ready[2];
    ASSERT_EQ(::pipe(ready), 0);
    const pid_t child = ::fork();
    if (child == 0) {
        const auto held = engine_directory::claim(engine);
        std::ofstream(engine + "/control.sock") << "stale";
        const bool told = ::write(ready[1], "x", 1) == 1;
        for (;;) {
            if (!told) ::_exit(1);
            ::pause();
        }
    }
    char c;
    ASSERT_EQ(::read(ready[0], &c, 1), 1);
    EXPECT_TRUE(is_held(engine));
    EXPECT_EQ(pid_of(engine), child);
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_FALSE(is_held(engine));
    const auto mine = engine_directory::claim(engine);
    EXPECT_EQ(mine.sibling(), 0);
    EXPECT_FALSE(fs::exists(engine + "/control.sock"));
    EXPECT_EQ(pid_of(engine), ::getpid());
    ::close(ready[0]);
    ::close(ready[1]);
}

TEST_F(directory, one_that_cannot_be_made) {
    fs::create_directories(root);
    std::ofstream(root + "/file") << "x";
    try {
        engine_directory::claim(root + "/file");
        FAIL();
    } catch (const directory_error& e) {
        EXPECT_THAT(e.what(), HasSubstr("engine directory " + root + "/file: "));
        EXPECT_THAT(e.what(), HasSubstr("choose another with -P zilla.engine.directory=DIR"));
    }
}

}  // namespace
}  // namespace weft::cli
