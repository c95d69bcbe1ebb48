// Serves the control socket on the control thread's loop.
#pragma once

#include "cli/control_service.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include <memory>
#include <set>

namespace weft::cli {

class control_connection;

class control_server {
public:
    // Takes over `listening`, a socket of listen_on(). Everything runs where `loop` runs.
    control_server(boost::asio::io_context& loop, int listening, instance_view& instance);
    ~control_server();

    // The instance became ready: answers those that wait for it.
    void ready();
    // Takes no more connections; those that wait for the end stay.
    void close();

private:
    friend class control_connection;
    void accept();

    instance_view& instance_;
    boost::asio::local::stream_protocol::acceptor acceptor_;
    // Shared because an outstanding read, write or timer keeps its connection alive until it is
    // done.
    std::set<std::shared_ptr<control_connection>> connections_;
};

// More than people and scripts need; each costs a descriptor.
inline constexpr std::size_t control_connections_max = 64;
inline constexpr std::size_t control_request_size_max = 16u << 10;

}  // namespace weft::cli
