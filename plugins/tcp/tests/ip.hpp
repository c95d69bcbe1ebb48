// An address from its text, for tests.
#pragma once

#include "address.hpp"

#include <gtest/gtest.h>

namespace weft::tcp {

inline ip_address ip(const char* text) {
    const auto a = socket_address::parse(text, 1);
    EXPECT_TRUE(a) << text;
    return a ? ip_address::of(*a) : ip_address{};
}

}  // namespace weft::tcp
