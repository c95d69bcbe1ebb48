#include "loader/catalog.hpp"
#include "loader/plugin_library.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include <unistd.h>

namespace weft {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

TEST(abi_problem, says_which_side_to_update) {
    EXPECT_EQ(abi_problem({1, 2}, {1, 2}), "");
    EXPECT_EQ(abi_problem({1, 1}, {1, 2}), "");
    EXPECT_THAT(abi_problem({1, 3}, {1, 2}), HasSubstr("update the runtime"));
    EXPECT_THAT(abi_problem({1, 0}, {2, 0}), HasSubstr("update the plugin"));
    EXPECT_THAT(abi_problem({3, 0}, {2, 0}), HasSubstr("update the runtime"));
}

class catalog_test : public testing::Test {
protected:
    void SetUp() override {
        dir_ = fs::temp_directory_path() / ("weft-catalog-" + std::to_string(::getpid()));
        fs::create_directories(dir_);
    }
    void TearDown() override { fs::remove_all(dir_); }
    fs::path dir_;
};

TEST_F(catalog_test, a_file_that_is_no_library_is_listed_with_its_error) {
    std::ofstream(dir_ / "weft-binding-mqtt-kafka.so") << "not an ELF file";
    std::ofstream(dir_ / "unrelated.so") << "";
    const auto found = installed_plugins({dir_.string()}, WEFT_BINARY);
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].role, "binding");
    EXPECT_EQ(found[0].type, "mqtt-kafka");
    EXPECT_THAT(found[0].error, HasSubstr("weft-binding-mqtt-kafka.so"));
}

TEST_F(catalog_test, a_missing_folder_has_no_plugins) {
    EXPECT_TRUE(installed_plugins({(dir_ / "absent").string()}).empty());
}

}  // namespace
}  // namespace weft
