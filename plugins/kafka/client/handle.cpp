#include "handle.hpp"

#include "credentials.hpp"
#include "hooks.hpp"
#include "limits.hpp"

#include <sys/eventfd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace weft::kafka::client {

namespace {

void set(rd_kafka_conf_t* conf, const char* key, const std::string& value) {
    std::array<char, 256> error{};
    if (rd_kafka_conf_set(conf, key, value.c_str(), error.data(), error.size()) != RD_KAFKA_CONF_OK)
        throw std::runtime_error(std::string("librdkafka refuses ") + key + ": " + error.data());
}

void set(rd_kafka_conf_t* conf, const char* key, int64_t value) {
    set(conf, key, std::to_string(value));
}

std::string server_list(role r, const client_config& config) {
    if (config.servers.empty()) return std::string(placeholder_host) + ":9092";
    std::string list;
    for (const auto& s : config.servers) {
        if (!list.empty()) list += ',';
        if (r == role::follower) list += bootstrap_mark;
        list += to_string(s);
    }
    return list;
}

void set_sasl(rd_kafka_conf_t* c, const sasl_config& config, const credentials& secrets) {
    set(c, "sasl.mechanisms", config.mechanism);
    if (config.bearer()) return;
    const auto [username, password] = secrets.login();
    set(c, "sasl.username", username);
    set(c, "sasl.password", password);
}

// Tokens are renewed when they have to be, not when librdkafka asks for it; it wants somebody who
// listens all the same.
int events_of(const client_config& config) {
    return config.sasl && config.sasl->bearer() ? RD_KAFKA_EVENT_OAUTHBEARER_TOKEN_REFRESH : 0;
}

void set_common(rd_kafka_conf_t* c, role r, const client_config& config,
                const credentials* secrets) {
    set(c, "bootstrap.servers", server_list(r, config));
    if (!config.client_id.empty()) set(c, "client.id", config.client_id);
    // TLS, where wanted, is the chain's.
    set(c, "security.protocol", config.sasl ? "sasl_plaintext" : "plaintext");
    if (config.sasl && secrets) set_sasl(c, *config.sasl, *secrets);
    set(c, "socket.nagle.disable",
        "false");  // means nothing on a socket pair and would be logged per connection
    set(c, "socket.send.buffer.bytes", limits::send_buffer);
    // librdkafka's own pauses are short and the bridge adds growing ones: it knows a refusal from a
    // lost connection.
    set(c, "reconnect.backoff.ms", 10);
    set(c, "reconnect.backoff.max.ms", 200);
    set(c, "connections.max.idle.ms", 0);
    set(c, "log.connection.close", "false");
    set(c, "topic.metadata.refresh.interval.ms", config.meta_max_age_ms);
    set(c, "topic.metadata.refresh.fast.interval.ms", 100);
    set(c, "message.max.bytes", config.produce_max_bytes);
}

void set_producer(rd_kafka_conf_t* c, const client_config& config) {
    set(c, "enable.idempotence", "true");
    set(c, "acks", "all");
    set(c, "retry.backoff.ms", 20);
    set(c, "linger.ms", config.produce_linger_ms);
    set(c, "request.timeout.ms", config.produce_timeout_ms);
    // Kafka may be away for as long as it likes: a record waits, nothing acknowledged can be lost,
    // nothing overtakes.
    set(c, "message.timeout.ms", 0);
    set(c, "queue.buffering.max.messages", limits::queue_messages_max);
    set(c, "queue.buffering.max.kbytes", limits::queue_kbytes_max);
    set(c, "sticky.partitioning.linger.ms",
        0);  // our partitioner decides for records without key, too
    rd_kafka_conf_set_events(c, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR | events_of(config));
}

void set_consumer(rd_kafka_conf_t* c, const client_config& config) {
    set(c, "enable.auto.commit", "false");
    set(c, "allow.auto.create.topics", "false");
    set(c, "isolation.level", "read_committed");
    set(c, "enable.partition.eof", "true");  // tells how far offsets without records go
    set(c, "auto.offset.reset", "error");    // told, so that it is seen and can be reported
    set(c, "fetch.wait.max.ms", config.fetch_max_wait_ms);
    set(c, "fetch.max.bytes", std::max(config.fetch_max_bytes, config.produce_max_bytes));
    set(c, "fetch.message.max.bytes", config.fetch_partition_max_bytes);
    set(c, "fetch.error.backoff.ms", 100);
    set(c, "queued.max.messages.kbytes", limits::fetch_queue_kbytes_max);
    set(c, "queued.min.messages", limits::fetch_queue_messages_min);
    rd_kafka_conf_set_events(c, RD_KAFKA_EVENT_ERROR | events_of(config));
}

}  // namespace

conf_handle make_conf(role r, const client_config& config, const credentials* secrets) {
    conf_handle c(rd_kafka_conf_new());
    set_common(c.get(), r, config, secrets);
    if (r == role::producer) {
        set_producer(c.get(), config);
    } else {
        set_consumer(c.get(), config);
    }
    return c;
}

handle::handle(role r, const client_config& config, hooks& callbacks, const std::string& group)
    : event_fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)), secrets_(callbacks.secrets()) {
    if (!event_fd_) throw std::runtime_error(std::string("eventfd: ") + std::strerror(errno));
    auto conf = make_conf(r, config, secrets_);
    callbacks.install(conf.get());
    if (!group.empty()) set(conf.get(), "group.id", group);
    std::array<char, 256> error{};
    rk_ = rd_kafka_new(r == role::producer ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER, conf.get(),
                       error.data(), error.size());
    if (!rk_) throw std::runtime_error(std::string("librdkafka: ") + error.data());
    static_cast<void>(conf.release());  // librdkafka's now
    if (secrets_) secrets_->join(rk_);
    main_.reset(rd_kafka_queue_get_main(rk_));
    signal_from(main_.get());
}

handle::~handle() {
    main_.reset();
    if (!rk_) return;
    if (secrets_) secrets_->leave(rk_);
    if (rd_kafka_type(rk_) == RD_KAFKA_PRODUCER)
        rd_kafka_purge(rk_, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
                                RD_KAFKA_PURGE_F_NON_BLOCKING);
    rd_kafka_destroy_flags(rk_, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

void handle::signal_from(rd_kafka_queue_t* queue) const {
    constexpr uint64_t one = 1;
    rd_kafka_queue_io_event_enable(queue, event_fd_.get(), &one, sizeof one);
    wake();  // what is in it already gives no signal
}

void handle::acknowledge() const {
    uint64_t count = 0;
    while (::read(event_fd_.get(), &count, sizeof count) < 0 && errno == EINTR) {
    }
}

void handle::wake() const {
    constexpr uint64_t one = 1;
    while (::write(event_fd_.get(), &one, sizeof one) < 0 && errno == EINTR) {
    }
}

}  // namespace weft::kafka::client
