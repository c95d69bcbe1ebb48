// The client kind: a stream opened to it becomes a connection to the destination that the stream's
// BEGIN or the options name.
#pragma once

#include "connection.hpp"
#include "dial.hpp"

#include <weft/event_limit.hpp>
#include <weft/plugin.hpp>
#include <weft/slab.hpp>

namespace weft::tcp {

class client_binding : public binding {
public:
    explicit client_binding(const binding_config& c) : config_(c) {}
    std::unique_ptr<instance> attach(worker w) override;

private:
    client_config config_;
};

class client_instance;

// A connection that has to be made first. It grants no credit and so gets no DATA before that.
class client_connection : public connection, public dial_listener {
public:
    client_connection(client_instance& owner, stream s);

    void start(destination to);
    void refuse(int error, const std::string& text);

    void on_dialled(int fd) override;
    void on_dial_failed(int error, const std::string& text) override;
    void on_abort(stream, const weft_frame&) override;
    void on_reset(stream, const weft_frame&) override;
    void take_leave(const weft_meta* why) override;

    // Asks the opener to take another stream for what is new.
    void ask_to_move();

private:
    client_instance& owner_;
    std::unique_ptr<dial> dial_;  // while connecting
    bool connected_ = false;
};

class client_instance : public instance, public hub, public dial_context {
public:
    client_instance(worker w, const client_config& config);
    ~client_instance() override;

    endpoint* accept(stream s, const weft_begin& b) override;
    void drain(uint32_t why, uint64_t deadline_ns) override;
    void destroy(connection& c) override;
    void on_name_failed(const std::string& host) override;

    metric connected, failed;

private:
    void take_leave_of_all(const weft_meta* why) override;

    event_limit name_events_;
    slab<client_connection> all_;
};

}  // namespace weft::tcp
