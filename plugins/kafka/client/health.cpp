#include "health.hpp"

#include "errors.hpp"

namespace weft::kafka::client {

namespace {
constexpr char connection_failed[] = "binding.kafka.broker.connection.failed";
constexpr char sasl_failed[] = "binding.kafka.sasl.authentication.failed";
constexpr char mechanism_unsupported[] = "binding.kafka.unsupported.sasl.mechanism";
constexpr char no_credentials[] = "binding.kafka.credentials.unavailable";
}  // namespace

health::health(worker w, const client_config& config, event_limiter& limiter, bool reports_ready)
    : worker_(w), config_(config), limiter_(limiter), ready_(!reports_ready) {
    if (reports_ready) worker_.ready(false, where() + ": not connected yet");
}

std::string health::where() const {
    std::string list = "kafka";
    for (const auto& s : config_.servers) list += (list.size() == 5 ? " " : ",") + to_string(s);
    return list;
}

// Most reasons say themselves which broker they are about.
std::string health::with_place(const std::string& why) const {
    for (const auto& s : config_.servers)
        if (why.find(to_string(s)) != std::string::npos) return "kafka: " + why;
    return where() + ": " + why;
}

void health::on_opened() {
    if (trouble_ && on_chance) on_chance();
}

void health::on_connected(const server_address& to) {
    if (event_over(connection_failed, to_string(to)))
        worker_.emit(WEFT_INFO, "binding.kafka.broker.connected",
                     "Connected to broker at host (" + to.host + "), port (" +
                         std::to_string(to.port) + ").");
}

void health::on_connect_failed(const server_address& to, const std::string& why) {
    event(WEFT_WARN, connection_failed, to_string(to),
          "Broker connection failed for host (" + to.host + "), port (" + std::to_string(to.port) +
              "). " + why);
    if (!connected || !connected()) on_unreachable(why);
}

void health::on_unreachable(const std::string& why) {
    // Wrong credentials make for lost connections as well; the better reason stays.
    if (trouble_.state == WEFT_KAFKA_NOT_AUTHORIZED) return;
    enter({WEFT_KAFKA_UNREACHABLE, 0, why});
}

void health::on_silence() {
    if (!trouble_)
        on_unreachable(awaiting_credentials_ ? "there are no credentials yet"
                                             : where() + " does not answer");
}

void health::on_answer(const std::string& cluster_id) {
    if (!ready_) {
        ready_ = true;
        worker_.ready(true);
    }
    event_over(sasl_failed, "");
    event_over(mechanism_unsupported, "");
    if (!trouble_) return;
    log(WEFT_INFO, (config_.name + ": reached Kafka cluster " + cluster_id).c_str());
    enter({});
}

void health::retire() {
    if (!std::exchange(ready_, true)) worker_.ready(true);
}

void health::enter(trouble t) {
    if (!ready_ && t) worker_.ready(false, with_place(t.text));
    if (t.state == trouble_.state) {
        trouble_.text = std::move(t.text);
        return;
    }
    trouble_ = std::move(t);
    if (on_change) on_change();
}

void health::on_error(rd_kafka_resp_err_t error, const std::string& text) {
    switch (error) {
        case RD_KAFKA_RESP_ERR__AUTHENTICATION:
        case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
        case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
            // A connection that broke while authenticating says nothing about the credentials.
            if (text.find(rd_kafka_err2str(RD_KAFKA_RESP_ERR__TRANSPORT)) != std::string::npos)
                return;
            return authentication_failed(text);
        case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
            return event(WEFT_ERROR, "binding.kafka.cluster.authorization.failed", "", text);
        default:
            return;  // connections come and go; the bridge and the metadata know better what that
                     // means
    }
}

void health::authentication_failed(const std::string& told) {
    const std::string user = identity ? identity() : "";
    const std::string mechanism = config_.sasl ? config_.sasl->mechanism : "";
    const std::string text = plain_text(told), broker = broker_of(told);
    if (says_unsupported_mechanism(text)) {
        event(WEFT_ERROR, mechanism_unsupported, "",
              "Unsupported SASL mechanism (" + mechanism + ") at broker (" + broker + "): " + text +
                  ". See sasl.enabled.mechanisms of the broker's listener.");
    } else {
        event(WEFT_ERROR, sasl_failed, "",
              "SASL authentication failed for identity (" + user + "): " + text + " (broker " +
                  broker + ", mechanism " + mechanism + "). " + advice(text));
    }
    enter({WEFT_KAFKA_NOT_AUTHORIZED, RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED,
           broker + ": " + text});
    if (on_refused) on_refused();
}

std::string health::advice(const std::string& text) const {
    if (text.find("current SASL state") != std::string::npos)
        return "The broker's listener does without SASL: so should this binding, or use another "
               "listener; tried again.";
    if (config_.sasl && config_.sasl->bearer())
        return "See whether the token has expired, and what issuer and audience the broker "
               "expects; "
               "tried again.";
    return "See username and password here, and the user's at the broker; tried again.";
}

void health::on_no_credentials(const std::string& why, bool others_in_use) {
    event(WEFT_ERROR, no_credentials, "",
          "No credentials for Kafka (" + why + "); " +
              (others_in_use ? "going on with those of before." : "connections wait for them."));
    if (!others_in_use)
        enter({WEFT_KAFKA_NOT_AUTHORIZED, RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED,
               "no credentials: " + why});
}

void health::on_awaiting_credentials() {
    awaiting_credentials_ = true;
    if (!ready_) worker_.ready(false, where() + ": waiting for credentials");
}

void health::on_credentials() {
    awaiting_credentials_ = false;
    event_over(no_credentials, "");
}

void health::event(weft_level level, const char* id, const std::string& about,
                   const std::string& text) {
    if (limiter_.allow(id + (' ' + about), worker_.now_ns())) worker_.emit(level, id, text);
}

bool health::event_over(const char* id, const std::string& about) {
    return limiter_.over(id + (' ' + about));
}

}  // namespace weft::kafka::client
