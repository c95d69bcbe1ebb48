// Neighbours of a cache_client that honour DRAIN as mqtt-kafka does, and count what they get.
#pragma once

#include "world.hpp"

namespace weft::kafka::test {

// How often each record came, by partition and offset, and whether a partition went backwards.
struct tally {
    std::map<std::pair<int32_t, int64_t>, int> seen;

    size_t doubled() const {
        return static_cast<size_t>(
            std::count_if(seen.begin(), seen.end(), [](const auto& s) { return s.second != 1; }));
    }
};

// Follows a topic for ever: a TAIL, and a HISTORY for what lies between two of them. Lives on one
// worker.
class follower : public endpoint {
public:
    follower(worker w, uint64_t exit, std::string topic)
        : worker_(w), exit_(exit), topic_(std::move(topic)) {
        open();
    }
    tally got;
    int tails = 0, histories = 0, reordered = 0;
    bool closed = false;  // for good

    bool listed() const { return listed_; }
    // Everything up to the tail's positions is there.
    size_t count() const { return got.seen.size(); }
    void close() {
        last_ = true;
        stream_.end();
        stream_.reset();
    }

private:
    // Reads one gap, from where it was interrupted if need be.
    struct gap : endpoint {
        follower& f;
        weft_kafka_position at;
        stream s;
        bool whole = false;
        gap(follower& o, weft_kafka_position p) : f(o), at(p) { open(); }
        void open() {
            ++f.histories;
            meta_writer<weft_kafka_begin> m;
            m->role = WEFT_KAFKA_HISTORY;
            m->topic = m.text(f.topic_);
            const weft_ref list = m.list<weft_kafka_position>(1);
            m.item<weft_kafka_position>(list, 0) = at;
            m->positions = list;
            s = f.worker_.open(f.exit_, *this, m.get());
            s.window(1 << 16);
        }
        void on_data(stream x, const weft_data& d) override {
            const meta_view<weft_kafka_record> m(d.h.meta);
            f.take(*m, at.offset);
            x.window(1 << 16);
        }
        void on_end(stream x, const weft_frame&) override {
            whole = true;
            x.end();
            x.reset();
        }
        void on_abort(stream x, const weft_frame&) override { x.end(), x.reset(); }
        void on_reset(stream x, const weft_frame&) override { x.end(), x.reset(); }
        void on_closed(stream) override {
            if (!whole && !f.last_) return open();
            delete this;
        }
    };

    void open() {
        ++tails;
        fresh_ = true;
        meta_writer<weft_kafka_begin> m;
        m->role = WEFT_KAFKA_TAIL;
        m->topic = m.text(topic_);
        stream_ = worker_.open(exit_, *this, m.get());
        stream_.window(1 << 16);
    }
    void take(const weft_kafka_record& r, int64_t& next) {
        if (r.offset < next) ++reordered;
        next = r.offset + 1;
        ++got.seen[{r.partition, r.offset}];
    }
    void on_data(stream x, const weft_data& d) override {
        const meta_view<weft_kafka_record> m(d.h.meta);
        take(*m, next_.at(m->partition));
        x.window(1 << 16);
    }
    void on_flush(stream, const weft_flush& f) override {
        const meta_view<weft_kafka_partitions> m(f.h.meta);
        if (!m) return;
        for (const auto& p : m.list<weft_kafka_partition>(m->partitions)) {
            const auto known = next_.find(p.id);
            if (known != next_.end() && p.next > known->second)
                new gap(*this, {known->second, p.next, p.id, 0});
            if (known == next_.end() || p.next > known->second) next_[p.id] = p.next;
        }
        listed_ = true;
    }
    void on_drain(stream x, const weft_frame&) override { x.end(), x.reset(); }
    void on_abort(stream x, const weft_frame&) override { x.end(), x.reset(); }
    void on_reset(stream x, const weft_frame&) override { x.end(), x.reset(); }
    void on_closed(stream) override {
        if (last_) {
            closed = true;
        } else {
            open();
        }
    }

    worker worker_;
    uint64_t exit_;
    std::string topic_;
    stream stream_;
    std::map<int32_t, int64_t> next_;
    bool listed_ = false, fresh_ = false, last_ = false;
};

// Produces numbers in order; moves when all it sent is answered.
class writer : public endpoint {
public:
    writer(worker w, uint64_t exit, std::string topic)
        : worker_(w), exit_(exit), topic_(std::move(topic)) {
        open();
    }
    int opened = 0;
    uint64_t sent = 0, answered = 0, wanted = 0;
    int lost = 0;  // streams that broke with answers outstanding
    bool closed = false;

    void send_up_to(uint64_t n) {
        wanted = n;
        pump();
    }
    void close() {
        last_ = true;
        stream_.end();
        stream_.reset();
    }

private:
    void open() {
        ++opened;
        moving_ = false;
        meta_writer<weft_kafka_begin> m;
        m->role = WEFT_KAFKA_PRODUCE;
        m->topic = m.text(topic_);
        stream_ = worker_.open(exit_, *this, m.get());
    }
    void pump() {
        while (sent < wanted && !moving_ && stream_.credit() >= 20) {
            meta_writer<weft_kafka_produce> m;
            m->token = ++sent;
            const std::string text = std::to_string(sent);
            const weft_slice v{nullptr, reinterpret_cast<const uint8_t*>(text.data()),
                               static_cast<uint32_t>(text.size()), 0};
            stream_.data(v, m.get());
        }
    }
    void move_when_idle() {
        if (!moving_ || answered != sent) return;
        stream_.end();
        stream_.reset();
    }
    void on_window(stream, const weft_window&) override { pump(); }
    void on_flush(stream, const weft_flush& f) override {
        if (const meta_view<weft_kafka_produced> m(f.h.meta); m) ++answered;
        move_when_idle();
    }
    void on_drain(stream, const weft_frame&) override {
        moving_ = true;
        move_when_idle();
    }
    void on_abort(stream x, const weft_frame&) override { broken(x); }
    void on_reset(stream x, const weft_frame&) override { broken(x); }
    void broken(stream x) {
        if (answered != sent) ++lost;
        x.end();
        x.reset();
    }
    void on_closed(stream) override {
        if (last_) {
            closed = true;
        } else {
            open();
        }
    }

    worker worker_;
    uint64_t exit_;
    std::string topic_;
    stream stream_;
    bool moving_ = false, last_ = false;
};

}  // namespace weft::kafka::test
