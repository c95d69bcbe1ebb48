// The worker's side of librdkafka's connections: opens an exit stream for each and moves the bytes.
//
// One bridge per instance; everything happens on its worker. A destination that refuses is asked
// again with growing pauses: the waiting is done here, while librdkafka believes to be connecting.
#pragma once

#include "config.hpp"
#include "socket_pairs.hpp"

#include <weft/worker.hpp>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace weft::kafka::client {

class connection;

// What the bridge tells about its destinations.
class bridge_observer {
public:
    virtual ~bridge_observer() = default;
    // A connection is there; whether Kafka is at its other end is not known yet.
    virtual void on_opened() = 0;
    // A broker talks to us.
    virtual void on_connected(const server_address& to) = 0;
    // `why`: one line for people, such as "connect to localhost:9092: Connection refused".
    virtual void on_connect_failed(const server_address& to, const std::string& why) = 0;
};

class bridge {
public:
    bridge(worker w, const client_config& config, bridge_observer& observer);
    ~bridge();
    bridge(const bridge&) = delete;
    bridge& operator=(const bridge&) = delete;

    void connect(connect_request request);
    // Connections wait, until release(): there is nothing yet to authenticate with.
    void hold() { held_ = true; }
    void release();
    // Connections that carry bytes. Zero means that no broker can be talked to.
    size_t established() const { return established_; }
    // Authentication was refused: every new connection waits a growing while, so that a wrong
    // password does not hammer the brokers.
    void slow_down();
    // A broker answered: whoever closes connections from here on has a reason that is none of ours.
    void on_answer();
    // The openers of our streams are told to end: connections last until stop(), whatever the exit
    // asks.
    void drain() { draining_ = true; }
    // Ends every connection and refuses new ones from here on.
    void stop();
    bool is_stopped() const { return stopping_; }

private:
    friend class connection;
    struct backoff {
        uint64_t failures = 0;
        uint64_t until_ns = 0;
        void fail(uint64_t now_ns, uint64_t max_ms);
    };

    void opened();
    void heard(const connection& c);  // its first bytes
    void proven(const connection& c);
    void failed(const connection& c, const std::string& why);
    // Was established, is no longer. `why`: what the exit says, if it says something.
    void lost(const connection& c, bool by_peer, const std::string& why);
    void remove(connection& c);
    uint64_t start_of(const connection& c);

    worker worker_;
    const client_config& config_;
    bridge_observer& observer_;
    std::vector<std::unique_ptr<connection>> connections_;
    std::map<std::string, backoff> backoff_;
    backoff penalty_;
    size_t established_ = 0;
    bool answered_ = false;  // a broker has answered at least once
    bool draining_ = false, stopping_ = false, held_ = false;
};

}  // namespace weft::kafka::client
