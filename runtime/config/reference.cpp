#include "config/reference.hpp"

#include <algorithm>
#include <map>

namespace weft::config::reference {

namespace {

using table = std::map<std::string_view, std::vector<std::string_view>, std::less<>>;

const table& types() {
    static const table all{
        {"binding", {"amqp",       "asyncapi",    "echo",
                     "fan",        "filesystem",  "grpc",
                     "grpc-kafka", "http",        "http-filesystem",
                     "http-kafka", "kafka",       "kafka-grpc",
                     "mcp",        "mcp-http",    "mqtt",
                     "mqtt-kafka", "openapi",     "openapi-asyncapi",
                     "pgsql",      "pgsql-kafka", "proxy",
                     "risingwave", "sse",         "sse-kafka",
                     "tcp",        "tls",         "ws"}},
        {"exporter", {"stdout", "prometheus", "otlp", "syslog", "aws-cloudwatch"}},
        {"guard", {"jwt", "x509", "inline", "identity"}},
        {"vault", {"filesystem", "aws-acm", "aws-secrets"}},
        {"store", {"memory"}},
    };
    return all;
}

const table& keys() {
    static const table all{
        {"tcp", {"host", "port", "backlog", "nodelay", "keepalive", "cidr", "authority"}},
        {"tls",
         {"version", "keys", "signers", "trust", "trustcacerts", "sni", "alpn", "mutual",
          "authorization", "credentials", "certificates", "authority", "port", "certificate",
          "subject", "cn", "dn"}},
        {"http",
         {"versions", "access-control", "policy", "allow", "max-age", "expose", "authorization",
          "credentials", "cookies", "headers", "query", "requests", "overrides", "path", "method",
          "content-type", "content", "params"}},
        {"ws", {"defaults", "protocol", "scheme", "authority", "path"}},
        {"mqtt",
         {"store", "versions", "authorization", "credentials", "connect", "username", "password",
          "topics", "name", "content", "user-properties", "session", "client-id", "publish",
          "subscribe", "topic", "params", "server"}},
        {"mqtt-kafka",
         {"server", "topics", "sessions", "messages", "retained", "clients", "publish", "qosMax",
          "subscribe", "topic", "params"}},
        {"kafka",
         {"servers",     "sasl",    "mechanism", "username",   "password",    "authorization",
          "credentials", "token",   "bootstrap", "topics",     "name",        "defaultOffset",
          "deltaType",   "key",     "value",     "transforms", "extract-key", "extract-headers",
          "topic",       "groupId", "model",     "catalog"}},
        {"prometheus", {"endpoints", "scheme", "port", "path"}},
        {"otlp",
         {"endpoint", "location", "protocol", "overrides", "metrics", "logs", "signals", "interval",
          "tls", "credentials", "headers", "authorization"}},
        {"jwt", {"issuer", "audience", "keys", "roles", "identity", "attributes", "challenge"}},
        {"x509", {"identity", "attributes", "roles"}},
        {"inline", {"identity", "credentials", "format"}},
        {"filesystem",
         {"keys", "trust", "signers", "secrets", "revocation", "store", "type", "password",
          "entries"}},
    };
    return all;
}

bool contains(const table& in, std::string_view row, std::string_view word) {
    const auto it = in.find(row);
    return it != in.end() &&
           std::find(it->second.begin(), it->second.end(), word) != it->second.end();
}

}  // namespace

bool knows_type(std::string_view role, std::string_view type) {
    return contains(types(), role, type);
}

std::string_view renamed(std::string_view role, std::string_view type) {
    return role == "guard" && type == "identity" ? "inline" : std::string_view();
}

bool knows_key(std::string_view type, std::string_view key) {
    return contains(keys(), type, key);
}

const words& metrics() {
    static const words all{
        "stream.active.received",     "stream.active.sent",      "stream.opens.received",
        "stream.opens.sent",          "stream.data.received",    "stream.data.sent",
        "stream.errors.received",     "stream.errors.sent",      "stream.closes.received",
        "stream.closes.sent",         "engine.workers.capacity", "engine.workers.usage",
        "engine.workers.utilization", "engine.workers.count"};
    return all;
}

bool knows_metric(std::string_view name) {
    return name.starts_with("http.") || name.starts_with("grpc.") || name.starts_with("mcp.");
}

}  // namespace weft::config::reference
