#include "fixture.hpp"

#include <cstdio>
#include <fstream>

namespace weft::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const char* const example = R"(---
name: demo
bindings:
  north_tcp_server:
    type: tcp
    kind: server
    options:
      host: 0.0.0.0
      port:
        - 7183
    routes:
      - when:
          - port: 7183
        exit: north_mqtt_server
  north_mqtt_server:
    type: mqtt
    kind: server
    exit: mapping
  mapping:
    type: mqtt-kafka
    kind: proxy
    options: {topics: {sessions: s}}
    routes:
      - when:
          - publish: [{topic: device/#}]
          - subscribe: [{topic: device/#}]
        with:
          messages: devices
        exit: cache
    exit: cache
  cache:
    type: kafka
    kind: cache_client
    exit: client
  client:
    type: kafka
    kind: client
    options:
      servers:
        - ${{env.KAFKA}}
    exit: south_tcp_client
  south_tcp_client:
    type: tcp
    kind: client
telemetry:
  exporters:
    stdout_logs_exporter:
      type: stdout
)";

TEST_F(loading, reads_the_whole_chain) {
    variables["KAFKA"] = "localhost:9092";
    const auto all = load(example);
    EXPECT_THAT(lines(all.errors), IsEmpty());
    EXPECT_THAT(lines(all.warnings), IsEmpty());
    ASSERT_THAT(all.config.bindings, SizeIs(6));
    const auto& tcp = all.config.bindings[0];
    EXPECT_EQ(tcp.qualified_name(), "demo:north_tcp_server");
    EXPECT_EQ(tcp.type, "tcp");
    EXPECT_EQ(tcp.kind, "server");
    EXPECT_EQ(tcp.options, nlohmann::json::parse(R"({"host": "0.0.0.0", "port": [7183]})"));
    ASSERT_THAT(tcp.routes, SizeIs(1));
    EXPECT_EQ(tcp.routes[0].exit, "demo:north_mqtt_server");
    EXPECT_EQ(tcp.routes[0].when, nlohmann::json::parse(R"([{"port": 7183}])"));
    EXPECT_TRUE(tcp.routes[0].guarded.is_null());
    EXPECT_EQ(all.config.bindings[4].options["servers"][0], "localhost:9092");
    ASSERT_THAT(all.config.exporters, SizeIs(1));
    EXPECT_EQ(all.config.exporters[0].type, "stdout");
    EXPECT_EQ(all.config.exporters[0].qualified_name(), "demo:stdout_logs_exporter");
}

TEST_F(loading, the_default_exit_is_the_last_route_and_unconditional) {
    variables["KAFKA"] = "k:1";
    const auto all = load(example);
    const auto& mapping = all.config.bindings[2];
    ASSERT_THAT(mapping.routes, SizeIs(2));
    EXPECT_EQ(mapping.routes[0].with["messages"], "devices");
    EXPECT_TRUE(mapping.routes[1].when.is_null());
    EXPECT_EQ(mapping.routes[1].exit, "demo:cache");
}

TEST_F(loading, a_place_is_found_by_json_pointer) {
    variables["KAFKA"] = "k:1";
    const auto all = load(example);
    const auto& tcp = all.config.bindings[0];
    EXPECT_EQ(to_string(tcp.problem_at("/options/port/0", "in use")),
              "z.yaml:10:11: bindings.north_tcp_server.options.port[0]: in use");
    EXPECT_EQ(to_string(tcp.problem_at("/routes/0/when/0/port", "x")),
              "z.yaml:13:19: bindings.north_tcp_server.routes[0].when[0].port: x");
    EXPECT_EQ(to_string(tcp.problem_at("", "x")), "z.yaml:4:3: bindings.north_tcp_server: x");
    // What is not in the file is shown at its nearest parent.
    EXPECT_EQ(to_string(tcp.problem_at("/options/backlog", "x")),
              "z.yaml:7:5: bindings.north_tcp_server.options.backlog: x");
    const auto& mapping = all.config.bindings[2];
    EXPECT_EQ(mapping.place("/routes/1/exit").line, 30);
    EXPECT_EQ(all.config.bindings[4].place("/options/servers/0").column, 11);
}

TEST_F(loading, a_missing_file_is_an_error) {
    const auto all = config::load("/nonexistent/zilla.yaml", installed,
                                  [](const std::string&) { return std::nullopt; });
    EXPECT_THAT(
        lines(all.errors),
        ElementsAre("/nonexistent/zilla.yaml: there is no such file (choose one with -c FILE)"));
}

TEST_F(loading, urls) {
    const auto of = [&](const std::string& url) {
        return lines(config::load(url, installed, process_environment()).errors);
    };
    EXPECT_THAT(of("https://example.com/z.yaml"),
                ElementsAre("https://example.com/z.yaml: a configuration cannot be read over http "
                            "yet; give a path or a file: URL"));
    EXPECT_EQ(local_path("file:zilla.yaml"), "zilla.yaml");
    EXPECT_EQ(local_path("file:///etc/a%20b.yaml"), "/etc/a b.yaml");
    EXPECT_EQ(local_path("file:/etc/z.yaml"), "/etc/z.yaml");
    EXPECT_EQ(local_path("./z.yaml"), "./z.yaml");
    EXPECT_THROW(local_path("file://server/z.yaml"), unreadable);
    EXPECT_THAT(of("."), ElementsAre(HasSubstr("cannot be read: Is a directory")));
}

TEST_F(loading, a_file_is_read_from_disk) {
    const std::string path = ::testing::TempDir() + "weft-load-test.yaml";
    std::ofstream(path) << "\xEF\xBB\xBFname: n\r\nbindings: {}\r\n";
    const auto all = config::load("file://" + path, installed, process_environment());
    EXPECT_THAT(lines(all.errors), IsEmpty());
    EXPECT_EQ(all.config.namespaces.at(0).name, "n");
    std::remove(path.c_str());
}

TEST_F(loading, an_empty_file_is_an_empty_namespace) {
    for (const char* text : {"", "# nothing\n", "---\n"}) {
        const auto all = load(text);
        EXPECT_THAT(lines(all.errors), IsEmpty());
        EXPECT_THAT(lines(all.warnings),
                    ElementsAre("z.yaml: the file is empty: there is nothing to run"));
        EXPECT_EQ(all.config.namespaces.at(0).name, "default");
    }
}

TEST_F(loading, the_top_level_is_closed_and_needs_a_name) {
    EXPECT_THAT(errors("bindigns: {}\n"),
                ElementsAre("z.yaml:1:1: 'name' is required: the name of this namespace",
                            "z.yaml:1:1: bindigns: unknown key 'bindigns', did you mean "
                            "'bindings'? (allowed: name, telemetry, vaults, "
                            "guards, stores, catalogs, bindings)"));
    EXPECT_THAT(errors("- a\n"), ElementsAre("z.yaml:1:1: expected a mapping (key: value)"));
}

TEST_F(loading, names_have_a_form) {
    EXPECT_THAT(errors("name: 1st\nbindings:\n  9b: {type: sink, kind: server}\n  a-b_c.9: {type: "
                       "sink, kind: server}\n"),
                ElementsAre(HasSubstr("z.yaml:1:7: name: '1st' is no name"),
                            HasSubstr("z.yaml:3:3: bindings.9b: '9b' is no name")));
    EXPECT_THAT(errors("name: sys\n"),
                ElementsAre("z.yaml:1:7: name: 'sys' is reserved for the engine"));
    EXPECT_THAT(errors("name: 5\n"), ElementsAre("z.yaml:1:7: name: expected text"));
}

TEST_F(loading, several_documents_are_several_namespaces) {
    const auto all = load(
        "name: a\nbindings:\n  x: {type: mqtt, kind: server, exit: 'b:y'}\n---\nname: "
        "b\nbindings:\n  y: {type: sink, kind: server, "
        "exit: a:x}\n");
    EXPECT_THAT(lines(all.errors), IsEmpty());
    ASSERT_THAT(all.config.bindings, SizeIs(2));
    EXPECT_EQ(all.config.bindings[0].routes[0].exit, "b:y");
    EXPECT_EQ(all.config.bindings[1].ns, "b");
    EXPECT_THAT(errors("name: a\n---\nname: a\n"),
                ElementsAre("z.yaml:3:7: name: namespace 'a' is there twice in this file"));
    EXPECT_THAT(errors("name: a\n---\nbindings: {}\n"),
                ElementsAre(HasSubstr("z.yaml:3:1: 'name' is required")));
}

TEST_F(loading, keys_may_not_be_repeated) {
    EXPECT_THAT(errors("name: n\nbindings:\n  b: {type: sink, kind: server}\n  b: {type: sink, "
                       "kind: server}\n"),
                ElementsAre("z.yaml:4:3: bindings.b: duplicate key 'b', first in line 3"));
    EXPECT_THAT(errors("name: n\n[a, b]: c\n"), ElementsAre("z.yaml:2:1: a key must be one word"));
}

TEST_F(loading, what_is_no_yaml_says_where) {
    EXPECT_THAT(errors("name: n\nbindings: [\n"),
                ElementsAre(HasSubstr("z.yaml:3:1: not valid YAML: ")));
    EXPECT_THAT(errors("name: n\n\tbindings: {}\n"), ElementsAre(HasSubstr("not valid YAML: ")));
    EXPECT_THAT(errors(", a"), ElementsAre(HasSubstr("not valid YAML: this is not expected here")));
    EXPECT_THAT(errors("name: \xff\n"), ElementsAre("z.yaml:1:7: this is not UTF-8 text"));
    EXPECT_THAT(errors("name: a\x04\n"),
                ElementsAre("z.yaml:1:8: a control character is not allowed here"));
}

TEST_F(loading, columns_count_characters) {
    EXPECT_THAT(errors("name: n\nbindings: {\"é\": {type: sink, kind: server, zzz: 1}}\n"),
                ElementsAre(HasSubstr("z.yaml:2:12: bindings.é: 'é' is no name"),
                            HasSubstr("z.yaml:2:44: bindings.é.zzz: unknown key")));
}

TEST_F(loading, everything_wrong_is_told_at_once) {
    EXPECT_THAT(errors("nam: n\nbindings:\n  b:\n    type: tcpp\n    kind: server\n    exit: "
                       "nowhere\n  c:\n    type: tcp\n    kind: "
                       "servr\n"),
                SizeIs(5));
}

TEST_F(loading, aliases_are_shared_but_bounded) {
    const auto all = load(
        "name: n\nbindings:\n  a: &t {type: tcp, kind: server, options: {host: h, port: 1}, exit: "
        "c}\n  b: *t\n  c: {type: sink, kind: "
        "server}\n");
    EXPECT_THAT(lines(all.errors), IsEmpty());
    EXPECT_EQ(all.config.bindings[1].options, all.config.bindings[0].options);

    std::string laughs = "name: n\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 12; ++i) {
        laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
        for (int j = 0; j < 10; ++j) laughs += "*a" + std::to_string(i - 1) + ", ";
        laughs += "]\n";
    }
    EXPECT_THAT(errors(laughs), ElementsAre(HasSubstr("values once its aliases are expanded")));
    EXPECT_THAT(errors("name: n\nbindings: &b {x: *b}\n"),
                ElementsAre(HasSubstr("an alias may not be inside what it names")));
}

TEST_F(loading, size_and_depth_are_bounded) {
    EXPECT_THAT(errors(std::string(10000, '[')),
                ElementsAre(HasSubstr("more than 64 levels inside each other")));
    EXPECT_THAT(errors("name: n\nx: " + std::string(20000, 'y') + "\n"),
                ElementsAre(HasSubstr("this value has 20000 bytes")));
    EXPECT_THAT(errors(std::string(17u << 20, ' ')),
                ElementsAre(HasSubstr("is larger than a configuration may be")));
    std::string many = "name: n\nx: [";
    for (int i = 0; i < 210'000; ++i) many += "1,";
    EXPECT_THAT(errors(many + "]\n"),
                ElementsAre(HasSubstr("more than 200000 values in one file")));
}

TEST_F(loading, the_text_is_kept_without_values_of_the_environment) {
    variables["KAFKA"] = "secret:1";
    EXPECT_THAT(load(example).text, HasSubstr("${{env.KAFKA}}"));
}

}  // namespace
}  // namespace weft::config
