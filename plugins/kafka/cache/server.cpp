#include "server.hpp"

#include "cache.hpp"
#include "refusal.hpp"

#include <algorithm>

namespace weft::kafka {

namespace {

class server_binding final : public binding {
public:
    explicit server_binding(const binding_config& c) : config_(cache_config::parse(c)) {}
    std::unique_ptr<instance> attach(weft::worker w) override {
        return std::make_unique<cache_server>(config_, w);
    }

private:
    const cache_config config_;
};

}  // namespace

std::unique_ptr<binding> make_cache_server(binding_config config) {
    return std::make_unique<server_binding>(config);
}

cache_server::cache_server(const cache_config& config, weft::worker w)
    : config_(config), worker_(w), store_(store_name(config.name, config.build)) {
    store_->serve(this, worker_, [this](const std::string& topic) { serve(topic); });
    for (const auto& topic : config_.bootstrap) serve(topic);
    timer_ = worker_.timer_in_ms(config_.limits.maintenance_ms, call<&cache_server::on_maintenance>,
                                 this);
    tell_ready();
}

cache_server::~cache_server() {
    store_->stop_serving(this);
    if (timer_) worker_.cancel(timer_);
    batch_.flush(static_cast<int64_t>(worker_.wall_ms()));
}

server_topic* cache_server::serve(const std::string& topic) {
    if (drained_) return nullptr;
    auto& t = topics_[topic];
    if (!t) t = std::make_unique<server_topic>(*this, *this, topic, config_.routes.exit_for(topic));
    return t.get();
}

endpoint* cache_server::accept(stream s, const weft_begin& b) {
    const meta_view<weft_kafka_begin> m(b.h.meta);
    if (!m) return nullptr;
    if (refuses_)
        return m->role == WEFT_KAFKA_ACCESS ? refusal::of(s, -1, "the process ends") : nullptr;
    const std::string topic(m.text(m->topic));
    const uint64_t exit = config_.routes.exit_for(topic);
    if (!exit || !valid_topic(topic)) return nullptr;
    if (!config_.routes.admits(worker_, b, *m, topic))
        return refusal::of_topic(s, config_.name, topic);
    switch (m->role) {
        case WEFT_KAFKA_ACCESS:
            return relays_.accept_access(worker_, exit, s, b, topic, config_.routes.guards(topic),
                                         drained_);
        case WEFT_KAFKA_META:
            if (m->flags & WEFT_KAFKA_FRESH) return relays_.accept(worker_, exit, s, b, drained_);
            return accept_meta(s, topic);
        case WEFT_KAFKA_PRODUCE:
        case WEFT_KAFKA_FETCH:
        case WEFT_KAFKA_OFFSETS:
            return relays_.accept(worker_, exit, s, b, drained_);
        default:
            return nullptr;  // records are read from the logs, by a cache_client
    }
}

endpoint* cache_server::accept_meta(stream s, const std::string& topic) {
    const auto known = topics_.find(topic);
    server_topic* t = !drained_                ? serve(topic)
                      : known != topics_.end() ? known->second.get()
                                               : nullptr;
    if (!t) return nullptr;
    auto* reply = new meta_reply(s, *t);
    meta_writer<weft_kafka_begin> m;
    m->role = WEFT_KAFKA_META;
    m->topic = m.text(topic);
    m->store = m.text(store_name(config_.name, config_.build));
    s.begin(m.get());
    t->join(*reply);
    return reply;
}

void cache_server::flush_later(partition_writer& w) {
    if (flushing_.empty()) worker_.defer(call<&cache_server::on_flush>, this);
    flushing_.push_back(&w);
}

void cache_server::on_flush() {
    batch_.flush(static_cast<int64_t>(worker_.wall_ms()));
    const auto writers = std::exchange(flushing_, {});
    for (auto* w : writers) w->flushed();
    if (flushing_.empty()) {
        flushing_ = writers;  // keeps the memory
        flushing_.clear();
    }
}

void cache_server::on_maintenance() {
    timer_ = worker_.timer_in_ms(config_.limits.maintenance_ms, call<&cache_server::on_maintenance>,
                                 this);
    for (auto& [name, t] : topics_) t->maintain();
}

void cache_server::on_topic_progress() {
    if (!ready_) tell_ready();
}

// Ready once what is bootstrapped is there; other topics come when somebody wants them.
void cache_server::tell_ready() {
    std::string waiting;
    for (const auto& name : config_.bootstrap) {
        const auto it = topics_.find(name);
        if (it != topics_.end() && it->second) waiting = it->second->waiting_for();
        if (!waiting.empty()) break;
    }
    ready_ = waiting.empty();
    if (!ready_ && waiting == told_) return;
    told_ = waiting;
    worker_.ready(ready_, waiting);
}

// The logs go to the next generation at once, whatever streams are left here: those are only passed
// on.
void cache_server::drain(uint32_t why, uint64_t) {
    if (why == WEFT_DRAIN_STOP) {
        refuses_ = true;
    } else {
        relays_.drain();
    }
    if (std::exchange(drained_, true)) return;
    store_->stop_serving(this);
    if (timer_) worker_.cancel(std::exchange(timer_, 0));
    batch_.flush(static_cast<int64_t>(worker_.wall_ms()));
    for (auto& [name, t] : topics_) t->drain();
    // Nobody has to wait for what is done elsewhere now.
    if (why != WEFT_DRAIN_STOP && !ready_) worker_.ready(true);
}

}  // namespace weft::kafka
