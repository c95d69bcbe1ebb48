#include "cli/table.hpp"

#include <gtest/gtest.h>

namespace weft::cli {
namespace {

TEST(table, columns) {
    EXPECT_EQ(table({{"namespace"}, {"metric"}, {"value", true}},
                    {{"n", "stream.opens.sent", "3"}, {"é", "x", "12345"}}),
              "namespace    metric               value\n"
              "n            stream.opens.sent        3\n"
              "é            x                    12345\n");
    EXPECT_EQ(table({{"a"}, {"b"}}, {}), "a    b\n");
    EXPECT_EQ(table({{"a"}, {"b"}}, {{"1", ""}}), "a    b\n1\n");
}

}  // namespace
}  // namespace weft::cli
