// The names of properties: what this program uses, and what the reference has, most of which has no
// meaning here.
#include "cli/properties.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>

namespace weft::cli {

namespace {

const char* const engine_names[] = {
    "config.url", "config.uri", "local.config.uri", "config.watch", "config.poll.interval.seconds",
    "directory", "cache.directory", "workers", "worker.capacity", "worker.capacity.limit",
    "worker.capacity.unbounded", "memory.percentage", "disk.percentage", "buffer.slot.capacity",
    "buffer.pool.capacity", "streams.buffer.capacity", "events.buffer.capacity",
    "counters.buffer.capacity", "host.resolver", "cacerts.store", "cacerts.store.type",
    "cacerts.store.pass", "certificate.revocation.strategy", "verbose", "verbose.schema",
    "verbose.exceptions", "verbose.events", "drain.on.close", "detach.on.close", "synthetic.abort",
    "backoff.max.spins", "backoff.max.yields", "backoff.min.park.nanos", "backoff.max.park.nanos",
    "service.hostname", "node.id",
    // Ours
    "env.lenient", "shutdown.grace", "reload.drain", "instance.id"};

const char* const mqtt_names[] = {
    "publish.timeout", "connect.timeout", "connack.timeout", "keep.alive.minimum",
    "keep.alive.maximum", "topic.alias.maximum", "no.local", "publish.qos.max", "client.id",
    "subscription.id", "session.lease", "session.renew", "session.instance.id", "maximum.qos",
    "retain.available", "wildcard.subscription.available", "subscription.identifiers.available",
    "shared.subscription.available", "session.expiry.grace.period", "session.expiry.interval",
    // Ours
    "receive.maximum", "maximum.packet.size", "client.id.length.maximum", "delivery.alias.maximum",
    "topic.levels.maximum", "subscriptions.maximum", "publish.rate.maximum", "connect.rate.maximum",
    "connects.pending.maximum", "connections.maximum", "connections.per.identity.maximum"};

const char* const mqtt_kafka_names[] = {
    "session.id", "will.id", "lifetime.id", "instance.id", "time", "will.available",
    "will.stream.reconnect", "bootstrap.available", "bootstrap.stream.reconnect", "publish.qos.max",
    "group.id.prefix.format",
    // Ours
    "kafka.wait.ms", "receive.max", "inflight.max", "unacknowledged.bytes.max",
    "publish.window.min", "publish.window.max", "assembly.bytes.max", "message.bytes.max",
    "history.streams.max", "dynamic.topics.max", "subscriptions.max"};

const char* const kafka_names[] = {
    "cache.directory", "cache.server.bootstrap", "cache.server.reconnect", "cache.client.reconnect",
    "cache.client.cleanup.delay", "cache.produce.capacity", "cache.max.message.bytes",
    "cache.cleanup.policy", "cache.retention.ms", "cache.retention.ms.max", "cache.retention.bytes",
    "cache.delete.retention.ms", "cache.min.compaction.lag.ms", "cache.max.compaction.lag.ms",
    "cache.min.cleanable.dirty.ratio", "cache.segment.bytes", "cache.segment.index.bytes",
    "cache.segment.ms", "cache.client.trailers.size.max", "client.max.idle.ms",
    "client.connection.pool", "client.connection.pool.cleanup.millis", "client.meta.max.age.ms",
    "client.describe.max.age.ms", "client.describe.config.include.synonyms",
    "client.fetch.max.wait.millis", "client.fetch.max.bytes", "client.fetch.partition.max.bytes",
    "client.produce.max.request.millis", "client.produce.max.response.millis",
    "client.produce.max.bytes", "client.produce.record.framing.size", "client.id",
    "client.instance.id", "client.reconnect", "client.api.versions",
    "client.group.rebalance.timeout", "client.group.min.session.timeout.default",
    "client.group.max.session.timeout.default", "client.group.initial.rebalance.delay.default",
    // Ours
    "client.reconnect.max.millis", "client.unknown.topic.millis"};

const char* const tls_names[] = {"handshake.timeout", "await.sync.close.millis",
                                 "client.https.identification", "client.server.name.indication",
                                 // Ours
                                 "handshakes.max"};
const char* const tcp_names[] = {"window.threshold", "connect.timeout.ms",
                                 // Ours
                                 "arrival.timeout.ms", "arrivals.maximum"};
const char* const http_names[] = {"maximum.connections", "max.header.list.size", "server.header",
                                  "head.timeout.ms",     "answer.timeout.ms",    "idle.timeout.ms"};

template <size_t N>
void add(std::vector<std::string>& to, const std::string& prefix, const char* const (&names)[N]) {
    for (const char* name : names) to.push_back(prefix + name);
}

// Bindings whose properties are listed above. A plugin of somebody else has an area of its own, of
// which nothing is known here.
const char* const listed_bindings[] = {"mqtt.", "kafka.", "tls.", "tcp.", "http."};

}  // namespace

const std::vector<std::string>& known_properties() {
    static const std::vector<std::string> all = [] {
        std::vector<std::string> out{"zilla.directory", "zilla.exporter.otlp.retry.interval",
                                     "zilla.exporter.otlp.timeout"};
        add(out, "zilla.engine.", engine_names);
        add(out, "zilla.binding.mqtt.", mqtt_names);
        add(out, "zilla.binding.mqtt.kafka.", mqtt_kafka_names);
        add(out, "zilla.binding.kafka.", kafka_names);
        add(out, "zilla.binding.tls.", tls_names);
        add(out, "zilla.binding.tcp.", tcp_names);
        add(out, "zilla.binding.http.", http_names);
        return out;
    }();
    return all;
}

bool known_property(const std::string& name) {
    const auto& all = known_properties();
    if (std::find(all.begin(), all.end(), name) != all.end()) return true;
    constexpr std::string_view area = "zilla.binding.";
    if (!name.starts_with(area)) return false;
    const std::string_view rest = std::string_view(name).substr(area.size());
    return std::none_of(std::begin(listed_bindings), std::end(listed_bindings),
                        [&](std::string_view b) { return rest.starts_with(b); });
}

}  // namespace weft::cli
