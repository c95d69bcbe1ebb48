#include "cli/control_server.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include <string>

namespace weft::cli {

namespace asio = boost::asio;
using boost::system::error_code;

class control_connection : public std::enable_shared_from_this<control_connection> {
public:
    control_connection(control_server& server, asio::local::stream_protocol::socket socket)
        : server_(server), socket_(std::move(socket)), timer_(socket_.get_executor()) {}

    void read() {
        asio::async_read_until(socket_, asio::dynamic_buffer(in_, control_request_size_max), '\n',
                               [self = shared_from_this()](error_code error, std::size_t size) {
                                   if (error) return self->end();
                                   const std::string line = self->in_.substr(0, size);
                                   self->in_.erase(0, size);
                                   self->answer_to(line);
                               });
    }

    void ready() {
        if (!std::exchange(waiting_, false)) return;
        timer_.cancel();
        write({{"ok", true}, {"status", status_json(server_.instance_)}}, false);
    }

private:
    void answer_to(const std::string& line) {
        const answer a = handle(line, server_.instance_);
        if (!a.wait) return write(a.body, a.hold);
        waiting_ = true;
        if (server_.instance_.status().state == engine_state::ready) return ready();
        timer_.expires_after(a.timeout);
        timer_.async_wait([self = shared_from_this()](error_code error) {
            if (!error && std::exchange(self->waiting_, false)) {
                self->write({{"ok", false},
                             {"error", "not ready in time"},
                             {"status", status_json(self->server_.instance_)}},
                            false);
            }
        });
    }

    void write(const nlohmann::json& body, bool hold) {
        out_ = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
        asio::async_write(socket_, asio::buffer(out_),
                          [self = shared_from_this(), hold](error_code error, std::size_t) {
                              if (error) return self->end();
                              // One that waits for the end of the process is left alone until then.
                              if (!hold) self->read();
                          });
    }

    void end() { server_.connections_.erase(shared_from_this()); }

    control_server& server_;
    asio::local::stream_protocol::socket socket_;
    asio::steady_timer timer_;
    std::string in_, out_;
    bool waiting_ = false;
};

control_server::control_server(asio::io_context& loop, int listening, instance_view& instance)
    : instance_(instance), acceptor_(loop, asio::local::stream_protocol(), listening) {
    accept();
}

control_server::~control_server() = default;

void control_server::accept() {
    acceptor_.async_accept([this](error_code error, asio::local::stream_protocol::socket socket) {
        if (error == asio::error::operation_aborted) return;
        if (!error && connections_.size() < control_connections_max) {
            (*connections_.insert(std::make_shared<control_connection>(*this, std::move(socket)))
                  .first)
                ->read();
        }
        accept();
    });
}

void control_server::ready() {
    const auto all = connections_;
    for (const auto& c : all) c->ready();
}

void control_server::close() {
    error_code ignored;
    acceptor_.close(ignored);
}

}  // namespace weft::cli
