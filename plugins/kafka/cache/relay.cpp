#include "relay.hpp"

namespace weft::kafka {

// Deletes itself when both sides are closed.
class relay {
public:
    explicit relay(relays& list) : list_(list), next_(list.first_) {
        if (next_) next_->previous_ = this;
        list.first_ = this;
    }
    ~relay() {
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

private:
    struct side : endpoint {
        relay& owner;
        stream to;  // where this side's frames go
        bool closed = false;
        explicit side(relay& r) : owner(r) {}
        void on_frame(stream, const weft_frame& f) override { to.send(f); }
        void on_closed(stream) override { owner.on_closed(*this); }
    };
    void on_closed(side& s);

    relays& list_;
    relay *previous_ = nullptr, *next_;
    side caller_{*this}, exit_{*this};
};

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

endpoint* relays::accept(weft::worker w, uint64_t exit, stream caller, const weft_begin& b,
                         bool moves) {
    auto* r = new relay(*this);
    r->open(w, exit, caller, b);
    if (moves) r->drain();
    return r->caller();
}

void relays::drain() const {
    for (const relay* r = first_; r; r = r->next()) r->drain();
}

}  // namespace weft::kafka
