// Plugins that are not there, and a loader for texts in tests.
#pragma once

#include "config/load.hpp"

#include <weft/abi.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace weft::config {

inline const char* const tcp_schema = R"({
  "kinds": {
    "server": {
      "options": {"type": "object", "additionalProperties": false, "required": ["host", "port"], "properties": {
        "host": {"type": "string"}, "port": {"$ref": "#/$defs/ports"},
        "backlog": {"type": "integer", "minimum": 1, "maximum": 65535}, "nodelay": {"type": "boolean"}}},
      "when": {"type": "object", "additionalProperties": false, "properties": {
        "port": {"$ref": "#/$defs/ports"}, "cidr": {"type": "string"}, "authority": {"type": "string"}}},
      "exit": "required"},
    "client": {
      "options": {"type": "object", "additionalProperties": false, "properties": {
        "host": {"type": "string"}, "port": {"$ref": "#/$defs/ports"}}},
      "when": {"type": "object"},
      "exit": "forbidden"}},
  "$defs": {
    "port": {"oneOf": [{"type": "integer", "minimum": 1, "maximum": 65535},
                       {"type": "string", "pattern": "^[0-9]+(-[0-9]+)?$"}]},
    "ports": {"oneOf": [{"type": "integer", "minimum": 1, "maximum": 65535},
                        {"type": "string", "pattern": "^[0-9]+(-[0-9]+)?$"},
                        {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/port"}}]}}
})";

inline const char* const mqtt_schema = R"({
  "kinds": {"server": {
    "options": {"type": "object", "additionalProperties": false, "properties": {
      "versions": {"type": "array", "uniqueItems": true, "items": {"enum": ["v3.1.1", "v5"]}},
      "store": {"type": "string"},
      "authorization": {"type": "object", "maxProperties": 1, "additionalProperties": {
        "type": "object", "additionalProperties": false, "required": ["connect"], "properties": {
          "connect": {"type": "object", "additionalProperties": false,
            "properties": {"username": {"type": "string"}, "password": {"type": "string"}},
            "oneOf": [{"required": ["username"]}, {"required": ["password"]}]}}}}}},
    "when": {"type": "object", "additionalProperties": false, "properties": {
      "session": {"type": "array"}, "publish": {"type": "array", "items": {"type": "object"}}}},
    "exit": "required"}}
})";

inline const char* const kafka_schema = R"({
  "kinds": {
    "cache_client": {"exit": "required",
      "options": {"type": "object", "additionalProperties": false, "properties": {
        "topics": {"type": "array", "items": {"type": "object", "additionalProperties": false, "required": ["name"],
          "properties": {"name": {"type": "string", "minLength": 1}}}}}}},
    "client": {"exit": "required", "vault": true,
      "options": {"type": "object", "additionalProperties": false, "properties": {
        "servers": {"type": "array", "minItems": 1, "items": {"type": "string"}}}}}}
})";

inline plugin_info fake_binding(const std::string& type, uint32_t kinds, const std::string& schema,
                                std::vector<std::string> accepts = {},
                                std::vector<std::string> emits = {}) {
    return {"binding",
            type,
            "0.1.0",
            "weft-binding-" + type + ".so",
            0,
            1,
            kinds,
            schema,
            std::move(accepts),
            std::move(emits),
            ""};
}

inline std::vector<plugin_info> fake_plugins() {
    return {
        fake_binding("tcp", WEFT_SERVER | WEFT_CLIENT, tcp_schema, {"tcp.begin/1"},
                     {"tcp.begin/1"}),
        fake_binding("mqtt", WEFT_SERVER, mqtt_schema, {"tcp.begin/1"}, {"mqtt.begin/1"}),
        fake_binding(
            "mqtt-kafka", WEFT_PROXY,
            R"({"kinds": {"proxy": {"exit": "required", "options": {"type": "object"}, "when": {}, "with": {"type": "object",
                         "additionalProperties": false, "properties": {"messages": {"type": "string"}}}}}})",
            {"mqtt.begin/1"}, {"kafka.begin/1"}),
        fake_binding("kafka", WEFT_CLIENT | WEFT_CACHE_CLIENT, kafka_schema, {"kafka.begin/1"},
                     {"kafka.begin/1", "tcp.begin/1"}),
        fake_binding("sink", WEFT_SERVER, R"({"kinds": {"server": {"exit": "optional"}}})"),
        {"exporter", "stdout", "0.1.0", "weft-exporter-stdout.so", 0, 1, 0, "", {}, {}, ""},
        {"guard", "jwt", "0.1.0", "weft-guard-jwt.so", 0, 1, 0, "", {}, {}, ""},
        {"vault", "filesystem", "0.1.0", "weft-vault-filesystem.so", 0, 1, 0, "", {}, {}, ""},
        {"binding",
         "broken",
         "",
         "weft-binding-broken.so",
         0,
         0,
         0,
         "",
         {},
         {},
         "weft-binding-broken.so: it needs ABI 9"},
    };
}

// Loads texts as "z.yaml" and compares what comes of it line by line.
class loading : public ::testing::Test {
protected:
    std::map<std::string, std::string> variables;
    load_options options;
    std::vector<plugin_info> installed = fake_plugins();

    loaded load(const std::string& text) const {
        const auto env = [this](const std::string& name) -> std::optional<std::string> {
            const auto it = variables.find(name);
            if (it == variables.end()) return std::nullopt;
            return it->second;
        };
        return load_text("z.yaml", text, installed, env, options);
    }

    static std::vector<std::string> lines(const std::vector<problem>& problems) {
        std::vector<std::string> out;
        for (const auto& p : problems) out.push_back(to_string(p));
        return out;
    }
    std::vector<std::string> errors(const std::string& text) const {
        return lines(load(text).errors);
    }
    std::vector<std::string> warnings(const std::string& text) const {
        return lines(load(text).warnings);
    }

    // The errors of one binding `b` of a namespace that also has `out`, a sink; lines count from
    // the binding's first as 4.
    std::vector<std::string> binding_errors(const std::string& body) const {
        return errors(around(body));
    }
    static std::string around(const std::string& body) {
        return "name: n\nbindings:\n  b:\n" + body + "  out: {type: sink, kind: server}\n";
    }
};

}  // namespace weft::config
