// What the scenarios share: names and times of their clients, and how many of them connect.
#pragma once

#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "connection.hpp"

namespace load {

inline constexpr uint64_t second_ns = 1'000'000'000;
inline constexpr uint64_t setup_timeout_ns = 120 * second_ns;

using connections = std::vector<std::unique_ptr<connection>>;

inline std::string client_id(const char* role, size_t number) {
    return std::string("load-") + role + "-" + std::to_string(getpid()) + "-" +
           std::to_string(number);
}

inline void wait_connected(loop& l, const connection& c) {
    l.run_until([&] { return c.connected(); }, setup_timeout_ns, "CONNACK");
}
inline void wait_connected(loop& l, const connections& all) {
    for (const auto& c : all) wait_connected(l, *c);
}

// Sessions that do nothing; all are up on return.
inline connections connect_idle(loop& l, const endpoint& to, uint32_t count) {
    connections all;
    for (uint32_t i = 0; i < count; ++i) {
        all.push_back(std::make_unique<connection>(l, to, client_id("idle", i),
                                                   [](connection&, const frame&) {}));
        // Not more at once than a listen backlog holds.
        if (i % 100 == 99) wait_connected(l, all);
    }
    wait_connected(l, all);
    return all;
}

}  // namespace load
