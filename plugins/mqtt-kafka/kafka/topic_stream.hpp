// A long-lived stream to the Kafka binding for one topic: opened, watched, opened again when it is
// lost.
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

// Lives as long as its instance; the stream below it comes and goes.
class topic_stream : public endpoint {
public:
    topic_stream(worker w, uint64_t exit, std::string topic, uint8_t role);
    ~topic_stream() override;

    void open();
    // From now on a stream that is lost is not opened again.
    void stay_closed() { last_ = true; }
    // Ends the stream in good order, for ever.
    void close();

    bool closed() const { return !stream_; }
    topic_state state() const { return state_; }
    const std::string& topic() const { return topic_; }
    // One line for people about a state that is not ok.
    std::string trouble() const;

    void on_end(stream, const weft_frame&) override { lose(); }
    void on_abort(stream, const weft_frame&) override { lose(); }
    void on_reset(stream, const weft_frame& f) override;
    void on_flush(stream, const weft_flush& f) override;
    void on_drain(stream, const weft_frame&) override { reopen_soon(); }
    void on_closed(stream) override;

protected:
    virtual void on_opened() {}  // credit may be granted
    virtual void on_lost() {}    // the stream is over; it will be opened again
    virtual void on_state_changed() {}
    virtual void on_news(const weft_flush&) {}  // a FLUSH other than kafka.status

    // A stream that is asked to move ends once this holds.
    virtual bool idle() const { return true; }
    void move_if_idle();
    bool moving() const { return moving_; }

    void set_state(topic_state s, std::string_view text = {});
    stream stream_;  // void while closed
    worker worker_;

private:
    void lose();
    void reopen_soon();

    uint64_t exit_;
    std::string topic_, text_;
    uint64_t timer_ = 0;
    uint32_t delay_ms_ = 0;
    uint8_t role_;
    topic_state state_ = topic_state::unknown;
    bool last_ = false;     // no other stream after this one
    bool closing_ = false;  // and this one is ended
    bool lost_ = false;     // this stream is over, on_closed is still to come
    bool moving_ = false;   // asked to open a successor
};

}  // namespace weft::mqtt_kafka
