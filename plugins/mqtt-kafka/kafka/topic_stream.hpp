// A long-lived stream to the Kafka binding for one topic: opened, watched, opened again when it is
// lost, and moved to a successor when the binding is replaced (DRAIN).
//
//            DRAIN: a successor is opened          take_over(), when the role allows it
//   serving ------------------------------> moving ------------------------------------> serving
//      | lost: opened again, later            | the successor is lost: another, later
//                                             | the stream itself is lost: its successor serves
#pragma once

#include <weft/worker.hpp>

#include <cstdint>
#include <string>

namespace weft::mqtt_kafka {

// What is known of the topic through one stream.
enum class topic_state : uint8_t {
    unknown,  // nothing heard yet
    ok,
    unreachable,
    missing,
    not_authorized
};

// Lives as long as its instance; the streams below it come and go.
class topic_stream : public endpoint {
public:
    topic_stream(worker w, uint64_t exit, std::string topic, uint8_t role);
    ~topic_stream() override;

    // Opens what is not open: the stream, or the successor that it needs.
    void open();
    // From now on a stream that is lost is not opened again.
    void stay_closed() { last_ = true; }
    // Ends the stream in good order, for ever.
    void close();

    bool closed() const { return !stream_ && !successor_ && leaving_ == 0; }
    topic_state state() const { return state_; }
    const std::string& topic() const { return topic_; }
    // One line for people about a state that is not ok.
    std::string trouble() const;

    void on_end(stream s, const weft_frame&) override { lose(s); }
    void on_abort(stream s, const weft_frame&) override { lose(s); }
    void on_reset(stream s, const weft_frame& f) override;
    void on_flush(stream s, const weft_flush& f) override;
    void on_drain(stream s, const weft_frame&) override;
    void on_closed(stream) override;

protected:
    virtual void describe(meta_writer<weft_kafka_begin>&) const {}  // what the role needs
    virtual void on_opened(stream) {}                               // credit may be granted
    // The stream is over, and what it had not done never will be. Its successor serves, or it will
    // be opened again.
    virtual void on_lost() {}
    virtual void on_state_changed() {}
    // A FLUSH other than kafka.status, of the stream or of its successor.
    virtual void on_news(stream, const weft_flush&) {}
    virtual void on_successor() {}  // there is one now, or none any more

    bool serves(stream s) const { return s == stream_; }
    bool is_current(stream s) const { return s && (s == stream_ || s == successor_); }
    bool has_successor() const { return static_cast<bool>(successor_); }
    // The successor serves from now on; the stream before it is ended in good order.
    void take_over();

    void set_state(topic_state s, std::string_view text = {});
    stream stream_;  // the one that serves; void while there is none
    worker worker_;

private:
    stream open_one();
    void open_later();
    void on_reopen();
    void promote();
    void lose(stream s);
    void finish(stream s);

    uint64_t exit_;
    std::string topic_, text_, told_text_;
    stream successor_;
    uint64_t timer_ = 0;
    uint32_t delay_ms_ = 0;
    uint32_t leaving_ = 0;  // streams that are ended, on_closed is still to come
    uint8_t role_;
    topic_state state_ = topic_state::unknown;
    topic_state told_ = topic_state::unknown;  // by the successor
    bool last_ = false;                        // no other stream after this one
    bool moving_ = false;                      // asked to open a successor
};

}  // namespace weft::mqtt_kafka
