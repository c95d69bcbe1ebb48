// What librdkafka's handles of one instance call back into: sockets and log lines.
//
// Called on librdkafka's threads, possibly after the instance is gone: it must live until the last
// handle is destroyed, and reaches the instance by posts only.
#pragma once

#include "bridge.hpp"
#include "socket_pairs.hpp"

#include <weft/worker.hpp>

#include <chrono>
#include <mutex>
#include <string>

namespace weft::kafka::client {

class credentials;

class hooks {
public:
    // `target` must live until the worker refuses posts, which is its instance's end; `secrets`,
    // which may be null, as long as this.
    hooks(worker w, bridge& target, std::string name, credentials* secrets);

    credentials* secrets() const { return secrets_; }

    void install(rd_kafka_conf_t* conf);

private:
    static int on_socket(int domain, int type, int protocol, void* opaque);
    static int on_connect(int fd, const sockaddr* address, int size, const char* node,
                          void* opaque);
    static int on_close(int fd, void* opaque);
    static int on_resolve(const char* node, const char* service, const addrinfo* hints,
                          addrinfo** result, void* opaque);
    static void on_log(const rd_kafka_t* rk, int level, const char* facility, const char* text);
    void log_line(int level, const char* facility, const char* text);

    worker worker_;
    std::string name_;
    credentials* const secrets_;
    socket_pairs pairs_;

    std::mutex log_mutex_;
    std::chrono::steady_clock::time_point log_period_{};
    int log_lines_ = 0;
};

}  // namespace weft::kafka::client
