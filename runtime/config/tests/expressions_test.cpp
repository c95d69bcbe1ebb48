#include "config/comments.hpp"
#include "fixture.hpp"

namespace weft::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kafka = "    type: kafka\n    kind: client\n    exit: out\n    options:\n";

TEST_F(loading, an_expression_may_be_any_text) {
    variables = {{"HOST", "example"},
                 {"PORT", "7183"},
                 {"LIST", "[1, 2]"},
                 {"BLOCK", "host: h\n      port: 5"}};
    const std::string tcp = "    type: tcp\n    kind: server\n    exit: out\n    options:\n";
    auto first = [&](const std::string& body) {
        const auto all = load(around(tcp + body));
        EXPECT_THAT(lines(all.errors), IsEmpty());
        return all.config.bindings.at(0).options;
    };
    EXPECT_EQ(first("      host: ${{env.HOST}}\n      port: ${{ env.PORT }}\n"),
              nlohmann::json::parse(R"({"host": "example", "port": 7183})"));
    EXPECT_EQ(first("      host: a-${{env.HOST}}.${{env.HOST}}\n      port: ${{env.LIST}}\n"),
              nlohmann::json::parse(R"({"host": "a-example.example", "port": [1, 2]})"));
    EXPECT_EQ(first("      ${{env.BLOCK}}\n"),
              nlohmann::json::parse(R"({"host": "h", "port": 5})"));
    EXPECT_EQ(first("      {host: ${{env.HOST}}, port: [${{env.PORT}}]}\n"),
              nlohmann::json::parse(R"({"host": "example", "port": [7183]})"));
}

TEST_F(loading, dollar_and_backslash_mean_themselves) {
    variables["PASSWORD"] = "a$1\\b${x}";
    const auto all = load(around(kafka + "      servers: ['${{env.PASSWORD}}']\n"));
    EXPECT_EQ(all.config.bindings.at(0).options["servers"][0], "a$1\\b${x}");
}

TEST_F(loading, a_missing_variable_names_itself_its_path_and_line) {
    EXPECT_THAT(binding_errors(kafka + "      servers:\n        - x\n        - ${{env.KAFKA}}\n"),
                ElementsAre("z.yaml:10:11: bindings.b.options.servers[1]: environment variable "
                            "'KAFKA' is not set"));
    EXPECT_THAT(
        binding_errors("    type: tcp\n    kind: server\n    exit: ${{env.EXIT}}\n    options: "
                       "{host: h, port: ${{env.PORT}}, nodelay: 1}\n"),
        ElementsAre("z.yaml:6:11: bindings.b.exit: environment variable 'EXIT' is not set",
                    "z.yaml:7:30: bindings.b.options.port: environment variable 'PORT' is not set",
                    HasSubstr("z.yaml:7:54: bindings.b.options.nodelay: expected true or false")));
}

TEST_F(loading, a_missing_block_is_the_problem_and_not_the_yaml_without_it) {
    EXPECT_THAT(errors("name: n\n${{env.BLOCK}}\nbindings: {}\n"),
                ElementsAre("z.yaml:2:1: environment variable 'BLOCK' is not set"));
    EXPECT_THAT(errors("${{env.ALL}}\n"),
                ElementsAre("z.yaml:1:1: environment variable 'ALL' is not set"));
}

TEST_F(loading, lenient_reads_a_missing_variable_as_empty) {
    options.lenient_environment = true;
    const auto all = load(around(kafka + "      servers:\n        - ${{env.KAFKA}}\n"));
    EXPECT_THAT(
        lines(all.warnings),
        ElementsAre("z.yaml:9:11: environment variable 'KAFKA' is not set, and read as empty"));
    EXPECT_THAT(lines(all.errors),
                ElementsAre("z.yaml:9:11: bindings.b.options.servers[0]: expected text, got "
                            "${{env.KAFKA}}, which is empty"));
}

TEST_F(loading, places_are_those_of_the_file_whatever_the_values_are) {
    variables = {{"LONG", "a-very-long-value"}, {"LINES", "[x,\n  y,\n  z]"}};
    EXPECT_THAT(binding_errors(kafka + "      servers: ${{env.LINES}}\n      a${{env.LONG}}: 1\n   "
                                       "   zzz: ${{env.LONG}}\n      {}\n"),
                ElementsAre(HasSubstr("not valid YAML")));
    EXPECT_THAT(binding_errors(kafka + "      servers: ${{env.LINES}}\n      zzz: ${{env.LONG}}\n"),
                ElementsAre(HasSubstr("z.yaml:9:7: bindings.b.options.zzz: unknown key")));
    EXPECT_THAT(binding_errors("    type: tcp\n    kind: server\n    exit: out\n    options: "
                               "{host: ${{env.LONG}}, prt: 1, port: 1}\n"),
                ElementsAre(HasSubstr("z.yaml:7:36: bindings.b.options.prt")));
}

TEST_F(loading, a_value_of_the_environment_is_told_unless_it_may_be_a_secret) {
    const std::string tcp = "    type: tcp\n    kind: server\n    exit: out\n";
    variables["V"] = "seven";
    EXPECT_THAT(
        binding_errors(tcp + "    options: {host: h, port: ${{env.V}}}\n"),
        ElementsAre(HasSubstr(
            "bindings.b.options.port: 'seven' (the value of ${{env.V}}) does not have the form")));
    variables["V"] = "7";
    EXPECT_THAT(binding_errors(tcp + "    options: {host: ${{env.V}}, port: 1}\n"),
                ElementsAre(HasSubstr("options.host: expected text, got 7 (the value of "
                                      "${{env.V}}) (put it in quotes to make it text)")));
    EXPECT_THAT(errors("guards: {g: {type: jwt}}\n" +
                       around("    type: mqtt\n    kind: server\n    exit: out\n    options: "
                              "{authorization: {g: {connect: {password: ${{env.V}}}}}}\n")),
                ElementsAre(HasSubstr("connect.password: expected text, got the value of "
                                      "${{env.V}} (put it in quotes to make it text)")));
    EXPECT_THAT(errors("guards: {g: {type: jwt}}\n" +
                       around("    type: mqtt\n    kind: server\n    exit: out\n    options: "
                              "{authorization: {g: {connect: {password: 12345}}}}\n")),
                ElementsAre(HasSubstr("connect.password: expected text, got another value (put")));
}

TEST_F(loading, comments_are_not_touched) {
    EXPECT_THAT(errors("# ${{env.A}}\nname: n # ${{env.B}}\n"), IsEmpty());
    variables["C"] = "c#d";
    EXPECT_THAT(binding_errors(kafka + "      servers: ['#${{env.C}}', \"a # ${{env.C}}\"]\n"),
                IsEmpty());
    EXPECT_THAT(binding_errors(kafka + "      servers: ['# ${{env.D}}']\n"),
                ElementsAre(HasSubstr("options.servers[0]: environment variable 'D' is not set")));
}

TEST_F(loading, only_env_is_resolved) {
    EXPECT_THAT(
        binding_errors(kafka + "      servers: ['${{aws.secrets.X}}', '${{env.}}', '${{env.X}']\n"),
        ElementsAre(HasSubstr("'${{aws.secrets.X}}' is no expression that can be resolved "
                              "(allowed: ${{env.NAME}})"),
                    HasSubstr("'${{env.}}' is no expression"),
                    HasSubstr("'${{' without a closing '}}' on the same line")));
}

TEST_F(loading, guarded_expressions_keep_one_form) {
    const auto all = load("guards: {g: {type: jwt}}\n" +
                          around("    type: mqtt\n    kind: server\n    routes: [{when: [{publish: "
                                 "[{topic: x, params: {a: "
                                 "\"${{guarded['g'].identity}}\"}}]}], exit: out}]\n"));
    EXPECT_THAT(lines(all.errors), IsEmpty());
    EXPECT_EQ(all.config.bindings.at(0).routes[0].when[0]["publish"][0]["params"]["a"],
              "${guarded['g'].identity}");
}

TEST_F(loading, values_that_are_no_text) {
    variables["X"] = std::string("a\x01", 2);
    EXPECT_THAT(
        binding_errors(kafka + "      servers: ['${{env.X}}']\n"),
        ElementsAre(
            "z.yaml:8:18: environment variable 'X' is not UTF-8 text without control characters"));
}

// The comments of a text, joined with '|'.
std::string comments_of(const std::string& text) {
    std::string out;
    for (const auto& c : find_comments(text))
        out += (out.empty() ? "" : "|") + text.substr(c.begin, c.end - c.begin);
    return out;
}

TEST(comments, where_yaml_has_them) {
    EXPECT_EQ(comments_of("# a\nb: c # d\n  #e\n"), "# a|# d|#e");
    EXPECT_EQ(comments_of("a: b#c\n"), "");
    EXPECT_EQ(comments_of("a: 'x # y' # z\n"), "# z");
    EXPECT_EQ(comments_of("a: \"x # \\\" # y\" # z\n"), "# z");
    EXPECT_EQ(comments_of("a: 'it''s # x' # y\n"), "# y");
    EXPECT_EQ(comments_of("a: it's # b\n"), "# b");
    EXPECT_EQ(comments_of("a: 'x\n  # y\n  z' # w\n"), "# w");
    EXPECT_EQ(comments_of("[a, 'b # c', \"d\":'e # f'] # g\n"), "# g");
    EXPECT_EQ(comments_of("a: &x !t 'b # c' # d\n"), "# d");
    EXPECT_EQ(comments_of("a: ${{env.X}} # b\n"), "# b");
    EXPECT_EQ(comments_of("a: x | # b\n"), "# b");
}

TEST(comments, block_scalars_have_none) {
    EXPECT_EQ(comments_of("a: | # h\n  # x\n   # y\nb: 1 # z\n"), "# h|# z");
    EXPECT_EQ(comments_of("- k: |-\n    # x\n\n    # y\n  # z\n"), "# z");
    EXPECT_EQ(comments_of("- |2+\n   # x\n- b # c\n"), "# c");
    EXPECT_EQ(comments_of("- k: |\n  l: m # n\n"), "# n");
    EXPECT_EQ(comments_of("--- |\n # x\n--- # y\n"), "# y");
}

}  // namespace
}  // namespace weft::config
