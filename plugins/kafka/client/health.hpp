// Whether the cluster can be talked to, as far as this instance knows: state for streams,
// readiness, events.
#pragma once

#include "bridge.hpp"
#include "event_limiter.hpp"

#include <weft/worker.hpp>

#include <librdkafka/rdkafka.h>

#include <functional>
#include <string>

namespace weft::kafka::client {

struct trouble {
    uint32_t state = WEFT_KAFKA_OK;
    int32_t error = 0;
    std::string text;

    explicit operator bool() const { return state != WEFT_KAFKA_OK; }
};

class health : public bridge_observer {
public:
    // `reports_ready`: the host waits for this instance to reach Kafka.
    health(worker w, const client_config& config, event_limiter& limiter, bool reports_ready);

    // Called after the state changed, on the worker.
    std::function<void()> on_change;
    // Called when authentication was refused.
    std::function<void()> on_refused;

    // Called when it is worth asking the cluster something.
    std::function<void()> on_chance;

    const trouble& current() const { return trouble_; }

    // A newer generation reports from now on.
    void retire();

    void on_opened() override;
    void on_connected(const server_address& to) override;
    void on_connect_failed(const server_address& to, const std::string& why) override;
    // No connection is left, or the brokers do not answer.
    void on_unreachable(const std::string& why);
    // Requests have not been answered for a while.
    void on_silence();
    // A broker answered a request: everything is well.
    void on_answer(const std::string& cluster_id);
    // An error event of librdkafka.
    void on_error(rd_kafka_resp_err_t error, const std::string& text);
    // There is nothing to authenticate with, or nothing newer than what is in use.
    void on_no_credentials(const std::string& why, bool others_in_use);
    void on_awaiting_credentials();
    void on_credentials();
    // Who authenticates, for people.
    std::function<std::string()> identity;
    // Set while connections carry bytes: a single failure among several brokers is an event, but no
    // outage.
    std::function<bool()> connected;

    void event(weft_level level, const char* id, const std::string& about, const std::string& text);
    bool event_over(const char* id, const std::string& about);

private:
    void enter(trouble t);
    void authentication_failed(const std::string& told);
    std::string advice(const std::string& text) const;
    std::string with_place(const std::string& why) const;
    std::string where() const;

    worker worker_;
    const client_config& config_;
    event_limiter& limiter_;
    trouble trouble_;
    bool ready_ = false;
    bool awaiting_credentials_ = false;
};

}  // namespace weft::kafka::client
