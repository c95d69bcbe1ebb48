#include "client.hpp"

#include "cache.hpp"
#include "history_stream.hpp"
#include "refusal.hpp"
#include "tail_stream.hpp"

#include <algorithm>

namespace weft::kafka {

namespace {

class client_binding final : public binding {
public:
    explicit client_binding(const binding_config& c) : config_(cache_config::parse(c)) {}
    std::unique_ptr<instance> attach(weft::worker w) override {
        return std::make_unique<cache_client>(config_, w);
    }

private:
    const cache_config config_;
};

// A META stream: what the cache_server tells, passed on.
class meta_stream final : public reader {
public:
    meta_stream(topic_reader& topic, stream s) : topic_(topic), stream_(s) {
        meta_writer<weft_kafka_begin> m;
        m->role = WEFT_KAFKA_META;
        m->topic = m.text(topic.name());
        stream_.begin(m.get());
        topic_.join(*this);
        if (topic_.known()) on_partitions();
    }
    ~meta_stream() override { topic_.leave(*this); }

    void on_partitions() override { stream_.flush(topic_.block()); }
    void on_status(const weft_meta* status) override { stream_.flush(status); }
    stream peer() const override { return stream_; }
    void on_end(stream, const weft_frame&) override { finish(); }
    void on_abort(stream, const weft_frame&) override { finish(); }
    void on_reset(stream, const weft_frame&) override { finish(); }
    void on_closed(stream) override { delete this; }

private:
    void finish() {
        topic_.leave(*this);
        stream_.end();
        stream_.reset();
    }
    topic_reader& topic_;
    stream stream_;
};

}  // namespace

std::unique_ptr<binding> make_cache_client(binding_config config) {
    return std::make_unique<client_binding>(config);
}

// Null for a topic that is not known here and will not be any more.
topic_reader* cache_client::topic(const std::string& name, uint64_t exit) {
    if (const auto it = topics_.find(name); it != topics_.end()) return it->second.get();
    if (retired_) return nullptr;
    return (topics_[name] = std::make_unique<topic_reader>(*this, name, exit)).get();
}

endpoint* cache_client::accept(stream s, const weft_begin& b) {
    const meta_view<weft_kafka_begin> m(b.h.meta);
    if (!m) return nullptr;
    if (refuses_)
        return m->role == WEFT_KAFKA_ACCESS ? refusal::of(s, -1, "the process ends") : nullptr;
    const std::string name(m.text(m->topic));
    const uint64_t exit = config_.routes.exit_for(name);
    if (!exit || !valid_topic(name)) return nullptr;
    if (!config_.routes.admits(worker_, b, *m, name))
        return refusal::of_topic(s, config_.name, name);
    if (m->role == WEFT_KAFKA_ACCESS)
        return relays_.accept_access(worker_, exit, s, b, name, config_.routes.guards(name),
                                     retired_);
    if (m->role == WEFT_KAFKA_PRODUCE || m->role == WEFT_KAFKA_OFFSETS ||
        (m->role == WEFT_KAFKA_META && (m->flags & WEFT_KAFKA_FRESH)))
        return relays_.accept(worker_, exit, s, b, retired_);
    auto* t = topic(name, exit);
    return t ? accept_reader(s, m, *t) : nullptr;
}

endpoint* cache_client::accept_reader(stream s, const meta_view<weft_kafka_begin>& m,
                                      topic_reader& t) {
    reader* r = nullptr;
    switch (m->role) {
        case WEFT_KAFKA_TAIL:
            r = new tail_stream(*this, t, s);
            break;
        case WEFT_KAFKA_HISTORY:
            return new history_stream(*this, t, s, m);
        case WEFT_KAFKA_META:
            r = new meta_stream(t, s);
            break;
        default:
            return nullptr;
    }
    if (retired_) r->on_retired();
    return r;
}

void cache_client::schedule(reader& r) {
    if (std::exchange(r.scheduled, true)) return;
    scheduled_.push_back(&r);
    if (!std::exchange(posted_, true))
        services.reactor->post(worker_.handle(), call<&cache_client::on_turn>, this);
}

void cache_client::unschedule(reader& r) {
    if (std::exchange(r.scheduled, false))
        std::replace(scheduled_.begin(), scheduled_.end(), &r, static_cast<reader*>(nullptr));
}

void cache_client::on_turn() {
    posted_ = false;
    const size_t n = scheduled_.size();
    for (size_t i = 0; i < n; ++i) {
        reader* r = std::exchange(scheduled_[i], nullptr);
        if (!r) continue;
        r->scheduled = false;
        r->on_turn();
    }
    scheduled_.erase(scheduled_.begin(), scheduled_.begin() + static_cast<std::ptrdiff_t>(n));
}

// Replaced or removed: tails and the like move to the successor, histories are read to their end
// here, and what is being produced is answered here.
void cache_client::drain(uint32_t why, uint64_t) {
    if (why == WEFT_DRAIN_STOP) {
        refuses_ = true;
        for (auto& [name, t] : topics_) t->drain();
        return;
    }
    if (std::exchange(retired_, true)) return;
    relays_.drain();
    for (auto& [name, t] : topics_) t->retire();
}

}  // namespace weft::kafka
