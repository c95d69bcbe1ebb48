// What librdkafka takes for sockets: one end of a socket pair, whose other end goes to the worker.
//
// All callbacks run on librdkafka's threads, connect even with a broker's lock held: nothing here
// blocks or calls librdkafka. The object must outlive the handles that it is installed in.
#pragma once

#include "unique_fd.hpp"

#include <librdkafka/rdkafka.h>

#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <unordered_map>

namespace weft::kafka::client {

// A connection that librdkafka asked for. It believes to be connecting until `withheld` bytes,
// which are no data, are read from `end`; closing `end` before means "connection failed".
struct connect_request {
    unique_fd end;
    size_t withheld = 0;
    std::string node;  // "host:port" of the broker
};

class socket_pairs {
public:
    // Takes a request over, on a thread of librdkafka; dropping it refuses the connection.
    using handler = std::function<void(connect_request)>;

    explicit socket_pairs(handler on_connect) : on_connect_(std::move(on_connect)) {}
    socket_pairs(const socket_pairs&) = delete;
    socket_pairs& operator=(const socket_pairs&) = delete;

    // The callbacks themselves, with librdkafka's conventions.
    int open_socket();
    int connect_socket(int fd, const char* node);
    int close_socket(int fd);
    static int resolve(const char* node, const char* service, const addrinfo* hints,
                       addrinfo** result);

    size_t unconnected() const;

private:
    const handler on_connect_;
    mutable std::mutex mutex_;
    std::unordered_map<int, unique_fd> ends_;  // librdkafka's end -> ours, from socket to connect
};

}  // namespace weft::kafka::client
