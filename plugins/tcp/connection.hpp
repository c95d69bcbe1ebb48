// connection: one TCP connection and its stream. Bytes that arrive become DATA as far as the
// stream's credit goes; DATA is written once per turn, and credit returns for what the kernel took.
//
// The stream's life bounds the object's; a socket that has something left to write then is handed
// to the hub.
#pragma once

#include "hub.hpp"

#include <weft/stream.hpp>

namespace weft::tcp {

class connection : public endpoint {
public:
    // `begun`: the other side has answered (or, for a client, is the one that asked): see on_reset.
    connection(hub& h, bool begun) : hub_(h), begun_(begun) {}
    ~connection() override;

    // The stream to serve, right after open or in accept.
    void serve(stream s) { stream_ = s; }
    // Takes over a connected, non-blocking socket (already counted by the hub); reading begins, and
    // the stream gets credit.
    void adopt(int fd);

    void flush();        // called by the hub
    void resume_read();  // called by the hub
    // Reads no more and says why; what the other side answers is still written, then the connection
    // ends.
    virtual void take_leave(const weft_meta* why);

    void on_begin(stream, const weft_begin&) override { begun_ = true; }
    void on_data(stream, const weft_data& d) override;
    void on_flush(stream, const weft_flush& f) override;
    void on_end(stream, const weft_frame&) override;
    void on_abort(stream, const weft_frame&) override;
    void on_reset(stream, const weft_frame&) override;
    void on_window(stream, const weft_window&) override;
    void on_closed(stream) override;

protected:
    // Ends both directions of the stream and the socket, telling why.
    void fail(int error, const std::string& text);
    hub& shared() const { return hub_; }
    stream served() const { return stream_; }
    void mark_begun() { begun_ = true; }

private:
    void on_ready(uint32_t events);
    bool may_read() const;
    bool read();
    void on_peer_end();
    void on_hangup();
    void on_no_credit();
    void on_write_failed(int error);
    void grant();
    write_queue& queue_to_write();
    // Sends FIN once everything is written; closes when both sides have sent theirs.
    void settle();
    void set_interest(uint8_t events);
    void stop_watching();
    void close_now(bool with_reset);

    hub& hub_;
    stream stream_;
    queue_ptr queue_;  // null while there is nothing to write
    uint64_t watch_ = 0;
    int fd_ = -1;
    uint32_t read_bytes_ = limits::read_bytes_min;
    uint8_t interest_ = 0;
    bool begun_;
    bool reading_ = true;      // socket to stream
    bool writing_ = true;      // stream to socket
    bool peer_ended_ = false;  // FIN received
    bool fin_sent_ = false;    // FIN sent
    bool broken_ = false;      // a write failed: the end of input is no orderly one
    bool dirty_ = false;       // on the hub's list for this turn
};

}  // namespace weft::tcp
