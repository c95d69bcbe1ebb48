#include "fixture.hpp"

namespace weft::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(loading, type_and_kind_are_required) {
    EXPECT_THAT(binding_errors("    kind: server\n"),
                ElementsAre("z.yaml:3:3: bindings.b: 'type' is required (allowed: kafka, mqtt, "
                            "mqtt-kafka, sink, tcp)"));
    EXPECT_THAT(
        binding_errors("    type: kafka\n"),
        ElementsAre("z.yaml:3:3: bindings.b: 'kind' is required (allowed: client, cache_client)"));
    EXPECT_THAT(errors("name: n\nbindings:\n  b: 5\n"),
                ElementsAre("z.yaml:3:6: bindings.b: expected a mapping (key: value)"));
}

TEST_F(loading, a_type_that_is_not_installed_is_told_from_a_typo) {
    EXPECT_THAT(binding_errors("    type: grpc\n    kind: server\n"),
                ElementsAre("z.yaml:4:11: bindings.b.type: type 'grpc' is not installed (have: "
                            "kafka, mqtt, mqtt-kafka, sink, tcp)"));
    EXPECT_THAT(binding_errors("    type: mqqt\n    kind: server\n"),
                ElementsAre("z.yaml:4:11: bindings.b.type: type 'mqqt' is not installed, did you "
                            "mean 'mqtt'? (have: kafka, mqtt, "
                            "mqtt-kafka, sink, tcp)"));
    EXPECT_THAT(binding_errors("    type: broken\n    kind: server\n"),
                ElementsAre("z.yaml:4:11: bindings.b.type: type 'broken' cannot be used: "
                            "weft-binding-broken.so: it needs ABI 9"));
}

TEST_F(loading, a_kind_that_the_type_lacks) {
    EXPECT_THAT(binding_errors("    type: kafka\n    kind: cache-client\n    exit: out\n"),
                ElementsAre("z.yaml:5:11: bindings.b.kind: type 'kafka' has no kind "
                            "'cache-client', did you mean 'cache_client'? "
                            "(allowed: client, cache_client)"));
}

TEST_F(loading, unknown_keys_of_a_binding) {
    EXPECT_THAT(binding_errors("    type: sink\n    kind: server\n    optionz: {}\n    entry: "
                               "out\n    catalog: {c: []}\n"),
                ElementsAre("z.yaml:6:5: bindings.b.optionz: unknown key 'optionz', did you mean "
                            "'options'? (allowed: type, kind, vault, "
                            "options, routes, exit, telemetry)",
                            "z.yaml:7:5: bindings.b.entry: 'entry' is not allowed for any binding",
                            "z.yaml:8:5: bindings.b.catalog: 'catalog' is known to Zilla but not "
                            "supported: there are no models here"));
}

TEST_F(loading, options_follow_the_schema) {
    EXPECT_THAT(binding_errors("    type: tcp\n    kind: server\n    options:\n      host: h\n     "
                               " prot: 1\n    exit: out\n"),
                ElementsAre("z.yaml:6:5: bindings.b.options: 'port' is required",
                            "z.yaml:8:7: bindings.b.options.prot: unknown key 'prot', did you mean "
                            "'port'? (allowed: backlog, host, "
                            "nodelay, port)"));
    EXPECT_THAT(binding_errors("    type: tcp\n    kind: server\n    exit: out\n"),
                ElementsAre("z.yaml:3:3: bindings.b.options: 'host' is required",
                            "z.yaml:3:3: bindings.b.options: 'port' is required"));
    EXPECT_THAT(binding_errors("    type: sink\n    kind: server\n    options: {a: 1}\n"),
                ElementsAre("z.yaml:6:5: bindings.b.options: options are not allowed for type "
                            "'sink', kind 'server'"));
}

TEST_F(loading, types_and_ranges) {
    const std::string tcp =
        "    type: tcp\n    kind: server\n    exit: out\n    options:\n      host: h\n";
    EXPECT_THAT(binding_errors(tcp + "      port: 7183\n"), IsEmpty());
    EXPECT_THAT(binding_errors(tcp + "      port: \"7183-7190\"\n"), IsEmpty());
    EXPECT_THAT(binding_errors(tcp + "      port: [7183, \"8000\"]\n"), IsEmpty());
    EXPECT_THAT(
        binding_errors(tcp + "      port: 70000\n"),
        ElementsAre(
            "z.yaml:9:13: bindings.b.options.port: 70000 is not allowed (allowed: 1 to 65535)"));
    EXPECT_THAT(binding_errors(tcp + "      port: true\n"),
                ElementsAre("z.yaml:9:13: bindings.b.options.port: expected a list, a whole number "
                            "or text, got true (put it in quotes to "
                            "make it text)"));
    EXPECT_THAT(binding_errors(tcp + "      port: [1, x]\n"),
                ElementsAre("z.yaml:9:17: bindings.b.options.port[1]: 'x' does not have the form "
                            "^[0-9]+(-[0-9]+)?$"));
    EXPECT_THAT(binding_errors(tcp + "      port: []\n"),
                ElementsAre("z.yaml:9:7: bindings.b.options.port: may not be empty"));
    EXPECT_THAT(
        binding_errors(tcp + "      port: 1\n      nodelay: \"yes\"\n"),
        ElementsAre("z.yaml:10:16: bindings.b.options.nodelay: expected true or false, got 'yes'"));
}

TEST_F(loading, enums_and_alternatives) {
    const std::string mqtt = "    type: mqtt\n    kind: server\n    exit: out\n    options:\n";
    EXPECT_THAT(binding_errors(mqtt + "      versions: [v5, v311]\n"),
                ElementsAre("z.yaml:8:22: bindings.b.options.versions[1]: 'v311' is not allowed, "
                            "did you mean 'v3.1.1'? (allowed: v3.1.1, "
                            "v5)"));
    EXPECT_THAT(binding_errors(mqtt + "      versions: [v5, v5]\n"),
                ElementsAre("z.yaml:8:22: bindings.b.options.versions[1]: 'v5' is there twice"));
    const std::string guards = "guards: {g: {type: jwt}}\n";
    EXPECT_THAT(
        errors(guards +
               around(mqtt + "      authorization: {g: {connect: {username: a, password: b}}}\n")),
        ElementsAre(HasSubstr("bindings.b.options.authorization.g.connect: exactly one of "
                              "username, password is required")));
}

TEST_F(loading, keys_of_the_reference_are_no_typos) {
    EXPECT_THAT(binding_errors("    type: kafka\n    kind: cache_client\n    exit: out\n    "
                               "options:\n      topics:\n        - name: t\n  "
                               "        transforms: []\n          valeu: x\n"),
                ElementsAre("z.yaml:10:11: bindings.b.options.topics[0].transforms: 'transforms' "
                            "is known to Zilla but not supported here; it "
                            "is not a typo (allowed: name)",
                            HasSubstr("unknown key 'valeu'")));
}

TEST_F(loading, routes_are_closed_and_checked) {
    EXPECT_THAT(binding_errors("    type: tcp\n    kind: server\n    options: {host: h, port: 1}\n "
                               "   routes:\n      - when:\n          - "
                               "prt: 1\n        with: {}\n        exti: out\n        exit: out\n"),
                ElementsAre("z.yaml:9:13: bindings.b.routes[0].when[0].prt: unknown key 'prt', did "
                            "you mean 'port'? (allowed: authority, "
                            "cidr, port)",
                            "z.yaml:10:9: bindings.b.routes[0].with: 'with' is not allowed for "
                            "type 'tcp', kind 'server'",
                            "z.yaml:11:9: bindings.b.routes[0].exti: unknown key 'exti', did you "
                            "mean 'exit'? (allowed: guarded, when, with, "
                            "exit)"));
    EXPECT_THAT(binding_errors("    type: sink\n    kind: server\n    routes: out\n"),
                ElementsAre("z.yaml:6:13: bindings.b.routes: expected a list of routes"));
    EXPECT_THAT(
        binding_errors(
            "    type: sink\n    kind: server\n    routes: [{when: [{a: 1}], exit: out}]\n"),
        ElementsAre("z.yaml:6:15: bindings.b.routes[0].when: 'when' is not allowed for type "
                    "'sink', kind 'server'"));
}

TEST_F(loading, an_exit_is_required_or_forbidden_by_kind) {
    EXPECT_THAT(binding_errors("    type: mqtt\n    kind: server\n"),
                ElementsAre("z.yaml:3:3: bindings.b: 'exit', or a route with an exit, is required "
                            "for type 'mqtt', kind 'server'"));
    EXPECT_THAT(binding_errors("    type: mqtt\n    kind: server\n    routes: []\n"),
                ElementsAre(HasSubstr("'exit', or a route with an exit, is required")));
    EXPECT_THAT(
        binding_errors("    type: tcp\n    kind: client\n    exit: out\n"),
        ElementsAre(
            "z.yaml:6:11: bindings.b.exit: an exit is not allowed for type 'tcp', kind 'client'"));
    EXPECT_THAT(
        warnings(around(
            "    type: mqtt\n    kind: server\n    routes:\n      - when: []\n    exit: out\n")),
        ElementsAre("z.yaml:7:9: bindings.b.routes[0]: a route without an exit: what it matches is "
                    "refused"));
}

TEST_F(loading, references_are_checked) {
    EXPECT_THAT(binding_errors("    type: mqtt\n    kind: server\n    exit: oout\n"),
                ElementsAre("z.yaml:6:11: bindings.b.exit: no binding 'oout' in namespace 'n', did "
                            "you mean 'out'? (have: b, out)"));
    EXPECT_THAT(binding_errors("    type: mqtt\n    kind: server\n    exit: m:out\n"),
                ElementsAre("z.yaml:6:11: bindings.b.exit: no namespace 'm' (have: n)"));
    EXPECT_THAT(
        binding_errors("    type: mqtt\n    kind: server\n    exit: a:b:c\n"),
        ElementsAre(
            "z.yaml:6:11: bindings.b.exit: 'a:b:c' is no name (allowed: NAME or NAMESPACE:NAME)"));
    EXPECT_THAT(
        binding_errors("    type: kafka\n    kind: client\n    exit: out\n    vault: v\n"),
        ElementsAre("z.yaml:7:12: bindings.b.vault: no vault 'v' in namespace 'n' (it has none)"));
    EXPECT_THAT(errors("vaults: {w: {type: filesystem, options: {}}}\n" +
                       around("    type: kafka\n    kind: client\n    exit: out\n    vault: w\n")),
                IsEmpty());
    EXPECT_THAT(binding_errors("    type: sink\n    kind: server\n    vault: v\n"),
                ElementsAre("z.yaml:6:12: bindings.b.vault: a vault is not allowed for type "
                            "'sink', kind 'server'"));
    EXPECT_THAT(
        binding_errors(
            "    type: mqtt\n    kind: server\n    exit: out\n    options: {store: memory0}\n"),
        ElementsAre("z.yaml:7:22: bindings.b.options.store: no store 'memory0' in namespace 'n' "
                    "(it has none)"));
    EXPECT_THAT(errors("stores: {memory0: {type: memory}}\n" +
                       around("    type: mqtt\n    kind: server\n    exit: out\n    options: "
                              "{store: memory0}\n")),
                IsEmpty());
}

TEST_F(loading, guards_are_references_too) {
    const std::string body =
        "    type: mqtt\n    kind: server\n    options: {authorization: {h: {connect: {username: "
        "x}}}}\n    routes:\n      - guarded: {g: [], h: "
        "[a]}\n        when: [{publish: [{topic: x, params: {id: "
        "\"${guarded['i'].identity}\"}}]}]\n        exit: out\n";
    EXPECT_THAT(
        binding_errors(body),
        ElementsAre(HasSubstr("z.yaml:6:31: bindings.b.options.authorization.h: no guard 'h'"),
                    HasSubstr("z.yaml:8:19: bindings.b.routes[0].guarded.g: no guard 'g'"),
                    HasSubstr("z.yaml:8:26: bindings.b.routes[0].guarded.h: no guard 'h'"),
                    HasSubstr("bindings.b.routes[0].when[0].publish[0].params.id: no guard 'i'")));
    EXPECT_THAT(errors("guards: {g: {type: jwt, options: {}}, h: {type: jwt}, i: {type: jwt}}\n" +
                       around(body)),
                IsEmpty());
}

TEST_F(loading, an_exit_beside_guarded_routes_is_an_open_door) {
    EXPECT_THAT(warnings("guards: {g: {type: jwt}}\n" +
                         around("    type: mqtt\n    kind: server\n    routes: [{guarded: {g: []}, "
                                "exit: out}]\n    exit: out\n")),
                ElementsAre("z.yaml:8:11: bindings.b.exit: this exit has no condition: clients "
                            "that the guarded routes refuse are let through "
                            "to 'out'"));
}

TEST_F(loading, an_exit_must_take_what_the_binding_opens) {
    EXPECT_THAT(errors("name: n\nbindings:\n  t: {type: tcp, kind: server, options: {host: h, "
                       "port: 1}, exit: k}\n  k: {type: mqtt-kafka, kind: "
                       "proxy, exit: t2}\n  t2: {type: sink, kind: server, exit: t}\n"),
                ElementsAre("z.yaml:3:67: bindings.t.exit: 't' (tcp) cannot exit to 'k' "
                            "(mqtt-kafka): it opens tcp.begin/1 streams, and 'k' "
                            "takes mqtt.begin/1"));
}

TEST_F(loading, a_plugin_with_a_broken_schema_is_named) {
    installed.push_back(fake_binding("bad", WEFT_SERVER, "{"));
    installed.push_back(fake_binding("half", WEFT_SERVER, R"({"kinds": {"client": {}}})"));
    EXPECT_THAT(binding_errors("    type: bad\n    kind: server\n"),
                ElementsAre(HasSubstr(
                    "bindings.b.type: the schema of weft-binding-bad.so cannot be used: ")));
    EXPECT_THAT(
        binding_errors("    type: half\n    kind: server\n"),
        ElementsAre(HasSubstr(
            "bindings.b.kind: the schema of type 'half' says nothing of its kind 'server'")));
}

TEST_F(loading, telemetry) {
    const std::string top =
        "telemetry:\n  attributes: {service.name: x}\n  metrics: [stream.opens.sent, "
        "stream.opens.received, mqtt.dropped]\n";
    const auto all = load(top + around("    type: sink\n    kind: server\n    telemetry: {metrics: "
                                       "[stream.*], attributes: {a: b}}\n"));
    EXPECT_THAT(lines(all.errors), IsEmpty());
    EXPECT_THAT(lines(all.warnings), IsEmpty());
    EXPECT_THAT(all.config.bindings.at(0).telemetry.metrics, ElementsAre("stream.*"));
    EXPECT_EQ(all.config.namespaces.at(0).attributes.at("service.name"), "x");

    EXPECT_THAT(
        warnings(
            top +
            around("    type: sink\n    kind: server\n    telemetry: {metrics: [stream.opens]}\n")),
        ElementsAre(HasSubstr("bindings.b.telemetry.metrics[0]: 'stream.opens' matches no metric "
                              "that telemetry.metrics lists")));
    EXPECT_THAT(
        errors(top + around("    type: sink\n    kind: server\n    telemetry: {metrics: ['(']}\n")),
        ElementsAre(HasSubstr("bindings.b.telemetry.metrics[0]: '(' is no regular expression")));
}

TEST_F(loading, telemetry_names_and_exporters) {
    EXPECT_THAT(
        errors("name: n\ntelemetry:\n  metrics: [stream.open.sent, grpc.duration, "
               "stream.data.sent, stream.data.sent]\n  exporters:\n    e: {type: "
               "stdout, options: {anything: 1}}\n    f: {type: prometheus}\n    g: {type: stdoot, "
               "vault: v}\n  exporter: {}\n"),
        ElementsAre(
            HasSubstr("z.yaml:3:13: telemetry.metrics[0]: unknown metric 'stream.open.sent', did "
                      "you mean 'stream.opens.sent'?"),
            HasSubstr("z.yaml:3:31: telemetry.metrics[1]: metric 'grpc.duration' is known to Zilla "
                      "but not supported here"),
            "z.yaml:3:64: telemetry.metrics[3]: 'stream.data.sent' is there twice",
            "z.yaml:6:15: telemetry.exporters.f.type: type 'prometheus' is not installed (have: "
            "stdout)",
            "z.yaml:7:15: telemetry.exporters.g.type: type 'stdoot' is not installed, did you mean "
            "'stdout'? (have: stdout)",
            "z.yaml:7:30: telemetry.exporters.g.vault: no vault 'v' in namespace 'n' (it has none)",
            HasSubstr("z.yaml:8:3: telemetry.exporter: unknown key 'exporter', did you mean "
                      "'exporters'?")));
}

TEST_F(loading, stores_and_catalogs) {
    EXPECT_THAT(
        errors("name: n\nstores:\n  m: {type: memory, options: {}}\n  r: {type: redis}\n"),
        ElementsAre("z.yaml:3:21: stores.m.options: a store of type 'memory' has no options",
                    "z.yaml:4:13: stores.r.type: type 'redis' is not installed (have: none)"));
    EXPECT_THAT(warnings("name: n\ncatalogs: {c: {type: inline, options: {}}}\n"),
                ElementsAre(HasSubstr("catalogs.c: catalogs are not supported")));
}

}  // namespace
}  // namespace weft::config
