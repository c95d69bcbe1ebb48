// session: one WebSocket connection between two streams: `net`, which carries frames, and `app`,
// which carries the payload of messages. Server and client differ in which of them was there first.
// See README.md for its states.
#pragma once

#include "deflate.hpp"
#include "hub.hpp"
#include "inbox.hpp"
#include "receiver.hpp"

#include <weft/pipe.hpp>

#include <memory>
#include <optional>
#include <string>

namespace weft::ws {

class session {
public:
    explicit session(hub& h);
    virtual ~session();
    session(const session&) = delete;
    session& operator=(const session&) = delete;

    // The process ends, or the deadline of a drain is here.
    void say_goodbye();
    // A newer generation takes what is new.
    virtual void move_on() {}

    session *next = nullptr, **to_this = nullptr;  // the hub's list

protected:
    enum class phase : uint8_t {
        handshaking,  // the request, or the answer to it, is not all there
        waiting,      // the application has not said that it takes the connection
        open,         //
        over          // closed from our side, or failed
    };

    struct net_end final : endpoint {
        explicit net_end(session& s) : of(s) {}
        void on_begin(stream, const weft_begin& b) override { of.net_begun(b); }
        void on_data(stream, const weft_data& d) override { of.net_data(d); }
        void on_window(stream, const weft_window&) override { of.flush(); }
        void on_end(stream, const weft_frame& f) override { of.net_ended(f); }
        void on_abort(stream, const weft_frame& f) override { of.net_broke(f); }
        void on_reset(stream, const weft_frame& f) override { of.net_broke(f); }
        void on_drain(stream, const weft_frame&) override {
            if (of.app_open_) of.app_.drain();
        }
        void on_closed(stream) override { of.net_closed(); }
        session& of;
    };
    struct app_end final : endpoint {
        explicit app_end(session& s) : of(s) {}
        void on_begin(stream, const weft_begin&) override { of.app_answered(); }
        void on_data(stream, const weft_data& d) override { of.app_data(d); }
        void on_window(stream, const weft_window&) override { of.app_window(); }
        void on_end(stream, const weft_frame&) override { of.app_ended(); }
        void on_abort(stream, const weft_frame&) override { of.app_broke(); }
        void on_reset(stream, const weft_frame&) override { of.app_stopped(); }
        void on_drain(stream, const weft_frame&) override {
            if (of.net_open_) of.net_.drain();
        }
        void on_closed(stream) override { of.app_closed(); }
        session& of;
    };

    virtual void net_begun(const weft_begin&) {}
    // The application takes the connection, or does not, before it is open.
    virtual void app_answered() {}
    virtual void app_refused() = 0;
    // Bytes of the handshake are in the inbox, or no more will come.
    virtual void shake_hands() = 0;
    virtual void handshake_failed(int status, const std::string& text) = 0;
    virtual std::string peer() const = 0;

    // The handshake is done: what was agreed upon. Frames may go both ways.
    void open_up(std::string_view protocol, const std::optional<agreed>& deflate);
    // Of the hub's memory for compression, until the end.
    void hold_memory(const agreed& a) {
        deflate_memory_ = a.memory(*hub_.config.deflate);
        hub_.hold_memory(deflate_memory_);
    }
    // Bytes that are no frame.
    bool say(std::string_view text);
    // What is written goes out, and no more; nothing stands behind this connection.
    void close_quietly();
    void tear_down(uint16_t code = code_abnormal, const weft_meta* why = nullptr);
    void free_if_closed();
    void arm(uint64_t ns);
    void disarm();

    hub& hub_;
    net_end net_end_{*this};
    app_end app_end_{*this};
    stream net_, app_;
    inbox in_;
    pipe out_;
    uint64_t net_granted_ = 0;
    bool net_open_ = false, app_open_ = false;
    bool net_in_over_ = false;  // nothing more arrives
    phase phase_ = phase::handshaking;

private:
    void net_data(const weft_data& d);
    void net_ended(const weft_frame& f);
    void net_broke(const weft_frame& f);
    void net_closed();
    void app_data(const weft_data& d);
    void app_window();
    void app_ended();
    void app_broke();
    void app_stopped();
    void app_closed();

    // in: session_read.cpp
    void pump();
    void read();
    bool take_payload();
    bool inflate_payload();
    bool end_of_frame();
    uint32_t block_room(uint64_t wanted);
    bool deliver(bool last);
    void on_event(receiver::event e);
    void on_close();
    void input_over();

    // out: session_write.cpp
    void send_message_part(const weft_data& d);
    bool send_frame(frame_head h, std::span<const weft_slice> payload);
    bool send_masked(frame_head h, std::span<const weft_slice> payload);
    bool compress(std::span<const weft_slice> payload, bool last, frame_head first);
    void send_control(uint8_t op, bytes payload);
    void send_close(uint16_t code, std::string_view reason = {});
    // The Close of an application that has ended.
    void send_goodbye();
    void send_pong();
    void grant_net();
    void grant_app();
    void flush();
    void settle();

    void stop_reading();
    void fail(const violation& v);
    void tell_failure(uint16_t code, const std::string& text);
    void end_app(uint16_t code, std::string_view reason, bool clean);
    void wait_for_silence();
    void on_silence();
    void on_timer();

    std::optional<receiver> rx_;
    // Payload for the application, put together: one piece of memory for what one turn brings.
    struct block {
        chunk bytes;
        uint8_t* base = nullptr;
        uint32_t used = 0, capacity = 0;
    } block_;
    std::unique_ptr<inflater> inflater_;
    std::unique_ptr<deflater> deflater_;
    std::unique_ptr<std::string> pong_;      // to be sent when there is room
    std::unique_ptr<std::string> farewell_;  // why the connection is given up by our side
    uint64_t deflate_memory_ = 0;
    uint64_t app_granted_ = 0;
    uint64_t timer_ = 0, last_heard_ns_ = 0;
    uint16_t goodbye_ = code_normal;  // the code when the application ends
    bool packs_ = false;              // messages are a byte stream
    bool fin_due_ = false;            // the message under way was not ended towards the application
    bool begun_ = false;              // nor was it not begun
    bool discard_ = false;            // the application reads no more
    bool app_in_over_ = false;        // it was told that nothing more comes
    bool out_ended_ = false;          // it has said all it has to say
    bool in_message_ = false, deflating_ = false;  // of the message that it sends
    bool close_sent_ = false, close_received_ = false, closing_timed_ = false;
    bool net_stopped_ = false;  // nothing more is read
    bool pinged_ = false;       // and not heard of since
};

}  // namespace weft::ws
