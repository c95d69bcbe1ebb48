#include "upstream.hpp"

namespace weft::kafka {

// One stream; frees itself when it is closed, long after it may have been left behind.
struct upstream::conversation final : endpoint {
    upstream* owner;
    stream s;
    bool heard = false;

    explicit conversation(upstream* o) : owner(o) {}
    void leave() {
        owner = nullptr;
        s.end();
        s.reset();
    }
    void on_begin(stream, const weft_begin& b) override {
        heard = true;
        if (owner) owner->listener_.on_upstream_begin(b);
    }
    void on_data(stream, const weft_data& d) override {
        if (owner) owner->listener_.on_upstream_data(d);
    }
    void on_flush(stream, const weft_flush& f) override {
        if (owner) owner->listener_.on_upstream_flush(f);
    }
    void on_end(stream, const weft_frame& f) override { lost(&f); }
    void on_abort(stream, const weft_frame& f) override { lost(&f); }
    void on_reset(stream, const weft_frame& f) override { lost(&f); }
    void on_drain(stream, const weft_frame&) override {
        // The next one is served by the exit's new generation. One that sends everybody on without
        // a word is not asked in a loop.
        if (owner) owner->restart(!heard);
    }
    void on_closed(stream) override {
        lost(nullptr);
        delete this;
    }
    void lost(const weft_frame* why) {
        if (!owner) return;
        upstream* o = owner;
        leave();
        o->on_lost(*this, why);
    }
};

upstream::~upstream() {
    if (timer_) worker_.cancel(timer_);
    if (current_) current_->owner = nullptr;
}

void upstream::start() {
    if (!current_ && !timer_) listener_.on_upstream_open(*this);
}

void upstream::open(const weft_meta* begin, uint32_t window) {
    current_ = new conversation(this);
    current_->s = worker_.open(exit_, *current_, begin);
    if (current_ && window) current_->s.window(window);
}

void upstream::grant(uint32_t window, uint64_t pending) const {
    if (current_) current_->s.window(window, pending);
}

void upstream::stop() {
    if (timer_) worker_.cancel(timer_);
    timer_ = 0;
    if (auto* c = std::exchange(current_, nullptr)) c->leave();
}

void upstream::restart(bool pause) {
    stop();
    if (pause) return retry_later();
    listener_.on_upstream_open(*this);
}

void upstream::on_lost(conversation& c, const weft_frame* why) {
    if (current_ != &c) return;
    current_ = nullptr;
    retry_later();
    listener_.on_upstream_broken(backoff_.failures(), why);
}

void upstream::retry_later() {
    if (!timer_) timer_ = worker_.timer_in_ms(backoff_.next_ms(), call<&upstream::on_retry>, this);
}

void upstream::on_retry() {
    timer_ = 0;
    start();
}

}  // namespace weft::kafka
