#include "hooks.hpp"

#include "limits.hpp"

#include <netdb.h>
#include <syslog.h>

#include <array>
#include <string_view>

namespace weft::kafka::client {

namespace {

// Lost and refused connections are told as events, once; librdkafka's lines about them come with
// every attempt.
bool about_connections(std::string_view facility) {
    constexpr std::array<std::string_view, 7> quiet{"FAIL",      "ERROR",   "REQTMOUT", "GETPID",
                                                    "PIDBROKER", "MAXPOLL", "CLOSE"};
    for (const auto q : quiet)
        if (facility == q) return true;
    return false;
}

}  // namespace

hooks::hooks(worker w, bridge& target, std::string name, credentials* secrets)
    : worker_(w),
      name_(std::move(name)),
      secrets_(secrets),
      pairs_([w, &target](connect_request request) {
          // A refused post drops the request, which closes the socket: librdkafka sees a failed
          // connection.
          w.post([&target, request = std::move(request)]() mutable {
              target.connect(std::move(request));
          });
      }) {}

void hooks::install(rd_kafka_conf_t* conf) {
    rd_kafka_conf_set_opaque(conf, this);
    rd_kafka_conf_set_socket_cb(conf, on_socket);
    rd_kafka_conf_set_connect_cb(conf, on_connect);
    rd_kafka_conf_set_closesocket_cb(conf, on_close);
    rd_kafka_conf_set_resolve_cb(conf, on_resolve);
    rd_kafka_conf_set_log_cb(conf, on_log);
}

int hooks::on_socket(int, int, int, void* opaque) {
    return static_cast<hooks*>(opaque)->pairs_.open_socket();
}

int hooks::on_connect(int fd, const sockaddr*, int, const char* node, void* opaque) {
    return static_cast<hooks*>(opaque)->pairs_.connect_socket(fd, node);
}

int hooks::on_close(int fd, void* opaque) {
    return static_cast<hooks*>(opaque)->pairs_.close_socket(fd);
}

int hooks::on_resolve(const char* node, const char* service, const addrinfo* hints,
                      addrinfo** result, void*) {
    return socket_pairs::resolve(node, service, hints, result);
}

void hooks::on_log(const rd_kafka_t* rk, int level, const char* facility, const char* text) {
    if (auto* self = static_cast<hooks*>(rd_kafka_opaque(rk)))
        self->log_line(level, facility, text);
}

void hooks::log_line(int level, const char* facility, const char* text) {
    weft_level l = level <= LOG_ERR       ? WEFT_ERROR
                   : level <= LOG_WARNING ? WEFT_WARN
                   : level <= LOG_INFO    ? WEFT_INFO
                                          : WEFT_DEBUG;
    if (about_connections(facility)) l = WEFT_DEBUG;
    if (l != WEFT_DEBUG) {
        const std::lock_guard lock(log_mutex_);
        const auto now = std::chrono::steady_clock::now();
        if (now - log_period_ >= std::chrono::milliseconds(limits::log_period_ms)) {
            log_period_ = now;
            log_lines_ = 0;
        }
        if (++log_lines_ > limits::log_lines_per_period) return;
    }
    log(l, (name_ + ": librdkafka " + facility + ": " + text).c_str());
}

}  // namespace weft::kafka::client
