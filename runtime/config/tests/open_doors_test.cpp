// What counts as asking who somebody is, on the way from a listener to the end.
#include "config/open_doors.hpp"

#include <gtest/gtest.h>

namespace weft::config {
namespace {

using nlohmann::json;

binding make(const std::string& name, std::vector<route> routes, json options = nullptr,
             const std::string& kind = "server") {
    binding b;
    b.ns = "n";
    b.name = name;
    b.kind = kind;
    b.options = std::move(options);
    b.routes = std::move(routes);
    return b;
}
route to(const std::string& exit, json guarded = nullptr) {
    return {std::move(guarded), nullptr, nullptr, exit.empty() ? "" : "n:" + exit};
}
const json g = {{"g", json::array()}};

bool open(std::vector<binding> all) {
    configuration c;
    c.bindings = std::move(all);
    return is_open(c, "n:tcp");
}

TEST(open_doors, without_anything) {
    EXPECT_TRUE(open({make("tcp", {to("mqtt")}), make("mqtt", {to("end")}), make("end", {})}));
}

TEST(open_doors, guarded_routes_close_it) {
    EXPECT_FALSE(open({make("tcp", {to("mqtt")}), make("mqtt", {to("end", g)}), make("end", {})}));
    EXPECT_TRUE(
        open({make("tcp", {to("mqtt")}), make("mqtt", {to("end", g), to("end")}), make("end", {})}))
        << "an exit beside them is open";
    EXPECT_TRUE(open({make("tcp", {to("mqtt"), to("other")}), make("mqtt", {to("end", g)}),
                      make("other", {to("end")}), make("end", {})}))
        << "and so is another way";
}

TEST(open_doors, guarded_routes_of_the_listener_itself) {
    EXPECT_FALSE(open({make("tcp", {to("mqtt", g)}), make("mqtt", {to("end")}), make("end", {})}));
    EXPECT_TRUE(open({make("tcp", {to("mqtt", g), to("other")}), make("mqtt", {to("end")}),
                      make("other", {to("end")}), make("end", {})}));
}

TEST(open_doors, credentials_alone_do_not) {
    const json options = {{"authorization", {{"g", json::object()}}}};
    EXPECT_TRUE(
        open({make("tcp", {to("mqtt")}), make("mqtt", {to("end")}, options), make("end", {})}));
}

TEST(open_doors, passwords_and_certificates_do) {
    const auto with = [](const json& options, const char* kind = "server") {
        return open(
            {make("tcp", {to("b")}), make("b", {to("end")}, options, kind), make("end", {})});
    };
    EXPECT_FALSE(with({{"authentication", {{"file", "f"}}}}));
    EXPECT_TRUE(with({{"authentication", {{"file", "f"}, {"required", false}}}}));
    EXPECT_FALSE(with({{"trust", {"ca"}}}));
    EXPECT_FALSE(with({{"trust", {"ca"}}, {"mutual", "required"}}));
    EXPECT_TRUE(with({{"trust", {"ca"}}, {"mutual", "requested"}}));
    EXPECT_TRUE(with({{"trust", {"ca"}}}, "client"));
}

TEST(open_doors, a_guard_of_certificates_that_need_not_be_shown) {
    const json options = {
        {"trust", {"ca"}}, {"mutual", "requested"}, {"authorization", {{"g", json::object()}}}};
    const auto behind = [&](std::vector<route> routes) {
        return open({make("tcp", {to("tls")}), make("tls", {to("mqtt")}, options),
                     make("mqtt", std::move(routes)), make("end", {})});
    };
    EXPECT_FALSE(behind({to("end", g)}));
    EXPECT_TRUE(behind({to("end", g), to("end")})) << "who shows none is anonymous";
}

TEST(open_doors, circles_and_dead_ends) {
    EXPECT_FALSE(open({make("tcp", {to("a")}), make("a", {to("tcp")})}));
    EXPECT_FALSE(open({make("tcp", {to("gone")})}));
    EXPECT_TRUE(open({make("tcp", {to("")})}));
}

}  // namespace
}  // namespace weft::config
