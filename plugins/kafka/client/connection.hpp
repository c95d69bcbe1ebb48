// One connection of librdkafka: a socket pair's end on one side, an exit stream on the other, bytes
// between them.
//
// Up, the socket is read only while the stream has credit. Down, credit returns only for bytes that
// the socket took. So the kernel's socket buffers and one window are all that waits here. Either
// side's end ends the other.
#pragma once

#include "bridge.hpp"
#include "limits.hpp"

#include <deque>

namespace weft::kafka::client {

class connection : public endpoint {
public:
    connection(bridge& owner, connect_request request, server_address to);
    ~connection() override;

    const server_address& destination() const { return to_; }
    const std::string& node() const { return node_; }
    bool is_open() const { return phase_ == phase::open; }
    uint64_t received() const { return received_; }  // bytes from the exit

    void watch_for_end();  // librdkafka may give up while this waits
    void start_at(uint64_t at_ns);
    // `why`: what is known of the reason, for people.
    void close(bool by_peer = false, const std::string& why = {});

    void on_begin(stream, const weft_begin&) override;
    void on_data(stream, const weft_data& d) override;
    void on_window(stream, const weft_window&) override { watch(); }
    void on_end(stream, const weft_frame&) override;
    void on_abort(stream, const weft_frame& f) override { fail(f.meta); }
    void on_reset(stream, const weft_frame& f) override { fail(f.meta); }
    void on_drain(stream, const weft_frame&) override;
    void on_closed(stream) override;

private:
    enum class phase : uint8_t { waiting, connecting, open, closed };

    void open_stream();
    void on_events(uint32_t events);
    bool take_withheld();
    void read_some();
    void write_pending();
    void watch();
    void fail(const weft_meta* meta);
    void on_drain_check();
    bool is_tls(const weft_data& d) const;

    bridge& owner_;
    const std::string node_;
    const server_address to_;
    unique_fd end_;
    size_t withheld_;
    stream stream_;
    uint64_t watch_ = 0, timer_ = 0;
    uint32_t interest_ = 0;
    phase phase_ = phase::waiting;
    bool peer_ended_ = false;  // nothing more comes from the exit
    uint32_t read_bytes_ = limits::read_bytes_min;
    std::deque<chunk> pending_;  // bytes that the socket did not take yet
    uint64_t pending_bytes_ = 0, received_ = 0;
    uint64_t active_ns_ = 0, drain_since_ns_ = 0;
};

}  // namespace weft::kafka::client
