// hub: what the connections of one instance share: worker, metrics, write queues for reuse, and the
// work that is done for many connections at once at the end of a turn.
#pragma once

#include "config.hpp"
#include "write_queue.hpp"

#include <weft/worker.hpp>

#include <cstdint>
#include <memory>
#include <vector>

namespace weft::tcp {

class connection;
class lingering;

// An idle connection owns no queue; one that writes borrows it here.
using queue_ptr = std::unique_ptr<write_queue>;

class hub {
public:
    hub(worker w, const socket_config& config);
    virtual ~hub();
    hub(const hub&) = delete;
    hub& operator=(const hub&) = delete;

    const worker& here() const { return worker_; }
    const socket_config& config() const { return config_; }

    queue_ptr take_queue();
    void give_back(queue_ptr q);

    // connection::flush at the end of this turn: one gathered write for all that the turn brings.
    void flush_later(connection& c);
    // connection::resume_read after a pause: the worker had no memory.
    void read_later(connection& c);
    // A connection goes away, and nothing of the above is done for it any more.
    void forget(connection& c);
    // Its stream is closed: who made it destroys it.
    virtual void destroy(connection& c) = 0;

    // Takes over a socket whose stream is over: writes what is queued, sends FIN, waits for the
    // peer's. Bounded in time.
    void linger(int fd, queue_ptr q);
    void end_linger(lingering& l);

    void socket_opened() { connections.add(); }
    // Every socket that was opened is closed through this.
    void close_socket(int fd);

    bool draining() const { return draining_; }

    metric connections, bytes_received, bytes_sent;

protected:
    virtual void on_socket_closed(int) {}
    // Sockets without a stream besides those that linger.
    virtual bool has_arrivals() const { return false; }
    // A drained instance stays while there are sockets without a stream.
    void stay_while_needed();
    // A derived class calls it first in its destructor, while on_socket_closed is still its own.
    void close_lingering();

    // The instance is replaced or removed: its connections may end by themselves until then, after
    // that they are ended in good order. An earlier time counts.
    void end_connections_at(uint64_t deadline_ns);
    bool deadline_passed() const { return deadline_passed_; }
    // connection::take_leave of all.
    virtual void take_leave_of_all(const weft_meta* why) = 0;

private:
    void flush_all();
    void resume_all();
    void on_deadline();

    worker worker_;
    const socket_config& config_;
    std::vector<queue_ptr> spare_;
    std::vector<connection*> dirty_, starved_;  // nullptr: forgotten
    uint64_t starved_timer_ = 0;
    bool flushing_ = false;
    std::vector<std::unique_ptr<lingering>> lingering_;
    uint64_t deadline_ns_ = UINT64_MAX, deadline_timer_ = 0;
    chunk stay_;  // keeps the host from detaching a drained instance while sockets have no stream
    bool draining_ = false, deadline_passed_ = false;
};

void apply(const socket_config& c, int fd);

}  // namespace weft::tcp
