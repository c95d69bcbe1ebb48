#include "relay.hpp"

namespace weft::kafka {

// Deletes itself when both sides are closed.
class relay {
public:
    explicit relay(relays& list) : list_(list), next_(list.first_) {
        if (next_) next_->previous_ = this;
        list.first_ = this;
    }
    virtual ~relay() {
        (previous_ ? previous_->next_ : list_.first_) = next_;
        if (next_) next_->previous_ = previous_;
    }
    void open(weft::worker w, uint64_t exit, stream caller, const weft_begin& b) {
        exit_.to = caller;
        caller_.to = w.open(exit, exit_, b.h.meta, b.h.trace_id, b.h.auth, b.affinity);
    }
    endpoint* caller() { return &caller_; }
    void drain() const {
        if (!caller_.closed) exit_.to.drain();
    }
    relay* next() const { return next_; }

protected:
    virtual void from_exit(const weft_frame& f) { to_caller().send(f); }
    stream to_caller() const { return exit_.to; }
    stream to_exit() const { return caller_.to; }

private:
    struct side : endpoint {
        relay& owner;
        stream to;  // where this side's frames go
        bool closed = false;
        explicit side(relay& r) : owner(r) {}
        void on_frame(stream, const weft_frame& f) override { to.send(f); }
        void on_closed(stream) override { owner.on_closed(*this); }
    };
    struct exit_side final : side {
        using side::side;
        void on_frame(stream, const weft_frame& f) override { owner.from_exit(f); }
    };
    void on_closed(side& s);

    relays& list_;
    relay *previous_ = nullptr, *next_;
    side caller_{*this};
    exit_side exit_{*this};
};

namespace {

class access_relay final : public relay {
public:
    access_relay(relays& list, std::string topic, bool guarded)
        : relay(list), topic_(std::move(topic)), guarded_(guarded) {}

private:
    void from_exit(const weft_frame& f) override {
        if (f.kind == WEFT_BEGIN) {
            const meta_view<weft_kafka_begin> m(f.meta);
            return answer(m && (m->flags & WEFT_KAFKA_GUARDED));
        }
        if (f.kind != WEFT_RESET || meta_view<weft_kafka_reset>(f.meta)) return relay::from_exit(f);
        // One that knows no such streams keeps nobody from anything.
        answer(false);
        to_exit().reset();
        to_exit().abort();
    }
    void answer(bool guarded_there) {
        if (std::exchange(answered_, true)) return;
        meta_writer<weft_kafka_begin> m;
        m->role = WEFT_KAFKA_ACCESS;
        if (guarded_ || guarded_there) m->flags = WEFT_KAFKA_GUARDED;
        m->topic = m.text(topic_);
        to_caller().begin(m.get());
    }

    const std::string topic_;
    const bool guarded_;
    bool answered_ = false;
};

}  // namespace

void relay::on_closed(side& s) {
    s.closed = true;
    side& other = &s == &caller_ ? exit_ : caller_;
    if (other.closed) {
        delete this;
        return;
    }
    // Whatever this side did not end in good order, the other one hears of. Ignored where a
    // direction is over.
    s.to.abort();
    s.to.reset();
}

endpoint* relays::start(relay* r, weft::worker w, uint64_t exit, stream caller, const weft_begin& b,
                        bool moves) {
    r->open(w, exit, caller, b);
    if (moves) r->drain();
    return r->caller();
}

endpoint* relays::accept(weft::worker w, uint64_t exit, stream caller, const weft_begin& b,
                         bool moves) {
    return start(new relay(*this), w, exit, caller, b, moves);
}

endpoint* relays::accept_access(weft::worker w, uint64_t exit, stream caller, const weft_begin& b,
                                const std::string& topic, bool guarded, bool moves) {
    return start(new access_relay(*this, topic, guarded), w, exit, caller, b, moves);
}

void relays::drain() const {
    for (const relay* r = first_; r; r = r->next()) r->drain();
}

}  // namespace weft::kafka
