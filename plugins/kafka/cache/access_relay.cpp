#include "access_relay.hpp"

namespace weft::kafka {

// Deletes itself when both sides are closed.
class access_relay {
public:
    access_relay(access_relays& list, std::string topic, bool guarded)
        : list_(list), next_(list.first_), topic_(std::move(topic)), guarded_(guarded) {
        if (next_) next_->previous_ = this;
        list.first_ = this;
    }
    ~access_relay() {
        (previous_ ? previous_->next_ : list_.first_) = next_;
        if (next_) next_->previous_ = previous_;
    }
    void open(weft::worker w, uint64_t exit, stream caller, const weft_begin& b) {
        caller_.own = caller;
        exit_.own = w.open(exit, exit_, b.h.meta, b.h.trace_id, b.h.auth, b.affinity);
    }
    endpoint* caller() { return &caller_; }
    void drain() const {
        if (!caller_.closed) caller_.own.drain();
    }
    access_relay* next() const { return next_; }

private:
    struct side : endpoint {
        access_relay& owner;
        stream own;
        bool closed = false;
        explicit side(access_relay& r) : owner(r) {}
        void leave(const weft_meta* why = nullptr) const {
            if (closed) return;
            own.reset(why);  // first: it says why
            own.abort(why);
        }
        void on_closed(stream) override { owner.on_closed(*this); }
    };
    struct caller_side final : side {
        using side::side;
        void on_end(stream s, const weft_frame&) override {
            s.end();
            s.reset();
            owner.exit_.finish();
        }
        void on_abort(stream, const weft_frame&) override { leave(); }
        void on_reset(stream, const weft_frame&) override { leave(); }
    };
    struct exit_side final : side {
        using side::side;
        void finish() const {
            if (closed) return;
            own.end();
            own.reset();
        }
        void on_begin(stream, const weft_begin& b) override {
            const meta_view<weft_kafka_begin> m(b.h.meta);
            owner.answer(m && (m->flags & WEFT_KAFKA_GUARDED));
        }
        void on_end(stream, const weft_frame&) override {
            finish();
            if (!owner.caller_.closed) owner.caller_.own.end();
        }
        void on_abort(stream, const weft_frame&) override { leave(); }
        void on_reset(stream, const weft_frame& f) override {
            // One that knows no such streams keeps nobody from anything.
            const meta_view<weft_kafka_reset> why(f.meta);
            if (why)
                owner.caller_.leave(f.meta);
            else
                owner.answer(false);
            leave();
        }
        void on_drain(stream, const weft_frame&) override { owner.drain(); }
    };
    void answer(bool guarded_there) {
        if (std::exchange(answered_, true) || caller_.closed) return;
        meta_writer<weft_kafka_begin> m;
        m->role = WEFT_KAFKA_ACCESS;
        if (guarded_ || guarded_there) m->flags = WEFT_KAFKA_GUARDED;
        m->topic = m.text(topic_);
        caller_.own.begin(m.get());
    }
    void on_closed(side& s);

    access_relays& list_;
    access_relay *previous_ = nullptr, *next_;
    const std::string topic_;
    const bool guarded_;
    bool answered_ = false;
    caller_side caller_{*this};
    exit_side exit_{*this};
};

void access_relay::on_closed(side& s) {
    s.closed = true;
    if (caller_.closed && exit_.closed) {
        delete this;
        return;
    }
    if (&s == &caller_) return exit_.finish();
    // What the exit said is not true for ever: the opener asks again.
    caller_.leave();
}

endpoint* access_relays::accept(weft::worker w, uint64_t exit, stream caller, const weft_begin& b,
                                const std::string& topic, bool guarded, bool moves) {
    auto* r = new access_relay(*this, topic, guarded);
    r->open(w, exit, caller, b);
    if (moves) r->drain();
    return r->caller();
}

void access_relays::drain() const {
    for (const access_relay* r = first_; r; r = r->next()) r->drain();
}

}  // namespace weft::kafka
