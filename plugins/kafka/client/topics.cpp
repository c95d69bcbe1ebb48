#include "topics.hpp"

#include "errors.hpp"

#include <algorithm>

namespace weft::kafka::client {

namespace {
constexpr char topic_unknown[] = "binding.kafka.topic.unknown";
constexpr char topic_denied[] = "binding.kafka.topic.authorization.failed";
}  // namespace

bool topic::offsets_known() const {
    return std::all_of(metadata.partitions.begin(), metadata.partitions.end(),
                       [](const auto& p) { return p.known(); });
}

bool topic::details_wanted() const {
    return std::any_of(streams.begin(), streams.end(), [](const auto* s) { return s->details; });
}

void topic_stream::send_status(uint32_t state, int32_t error, std::string_view text) {
    meta_writer<weft_kafka_status> m;
    m->state = state;
    m->error = error;
    m->text = m.text(text);
    stream_.flush(m.get());
}

void topic_stream::tell_status(const trouble& cluster) {
    const trouble& t = cluster ? cluster : of->why_not;
    if (t.state == told_state_) return;
    told_state_ = t.state;
    send_status(t.state, t.error, t.text);
}

topics::~topics() {
    if (timer_) worker_.cancel(timer_);
}

void topics::start(handle& asker, blocking_thread& thread) {
    asker_ = &asker;
    thread_ = &thread;
}

void topics::stop() {
    if (timer_) worker_.cancel(std::exchange(timer_, 0));
    thread_ = nullptr;
    asker_ = nullptr;
}

void topics::join(topic_stream& s, const std::string& name, bool details) {
    auto& t = topics_[name];
    if (!t) {
        t = std::make_unique<topic>();
        t->name = name;
    }
    t->streams.push_back(&s);
    s.of = t.get();
    s.details = details;
    s.first_query = queries_ + 1;
    s.tell_status(health_.current());
    // A topic that is known needs no question, unless its offsets are wanted as they are now.
    if (details || !t->present) ask();
}

void topics::leave(topic_stream& s) {
    if (!s.of) return;
    auto& streams = s.of->streams;
    streams.erase(std::remove(streams.begin(), streams.end(), &s), streams.end());
    s.of = nullptr;  // a topic without streams goes with the next query: somebody may be looking at
                     // it now
}

void topics::ask() {
    pause_ms_ = limits::meta_retry_min_ms;
    if (asking_) {
        ask_again_ = true;
    } else {
        ask_in(0);
    }
}

void topics::probe() {
    probing_ = true;
    ask();
}

void topics::ask_in(uint64_t ms) {
    if (timer_) worker_.cancel(timer_);
    timer_ = worker_.timer_in_ms(ms, call<&topics::on_timer>, this);
}

void topics::on_timer() {
    timer_ = 0;
    std::erase_if(topics_, [](const auto& entry) { return entry.second->streams.empty(); });
    if (asking_ || (topics_.empty() && !probing_) || !thread_) return;
    std::vector<topic_query> queries;
    for (const auto& [name, t] : topics_) queries.push_back({name, t->details_wanted()});
    asking_ = true;
    ask_again_ = false;
    const uint64_t number = ++queries_;
    const int timeout = answered_ ? limits::meta_request_ms : limits::meta_probe_ms;
    if (silent_since_ns_ == 0) silent_since_ns_ = worker_.now_ns();
    // The instance may be gone when the answer comes: then the post is refused, and `this` is not
    // touched.
    thread_->post(
        [this, w = worker_, rk = asker_->get(), queries = std::move(queries), number, timeout] {
            w.post([this, number, reply = read_metadata(rk, queries, timeout)]() mutable {
                on_reply(number, std::move(reply));
            });
        });
}

void topics::on_reply(uint64_t query, metadata_reply reply) {
    asking_ = false;
    if (!thread_) {
        if (on_rest) on_rest();
        return;
    }
    answered_ = reply.error == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (answered_) {
        probing_ = false;
        silent_since_ns_ = 0;
        if (!reply.cluster_id.empty()) cluster_id_ = reply.cluster_id;
        if (on_answer) on_answer();
        health_.on_answer(cluster_id_);
        for (auto& found : reply.topics) {
            if (const auto it = topics_.find(found.name); it != topics_.end())
                update(*it->second, std::move(found), query);
        }
    } else if (worker_.now_ns() - silent_since_ns_ >= limits::meta_silence_ms * 1'000'000) {
        health_.on_silence();
    }
    if (ask_again_) return ask_in(0);
    if (settled()) {
        pause_ms_ = limits::meta_retry_min_ms;
        return ask_in(static_cast<uint64_t>(config_.meta_max_age_ms));
    }
    ask_in(pause_ms_);
    pause_ms_ = std::min(pause_ms_ * 2, limits::meta_retry_max_ms);
}

bool topics::settled() const {
    if (!answered_) return false;
    return std::all_of(topics_.begin(), topics_.end(), [](const auto& entry) {
        const topic& t = *entry.second;
        return t.present && (!t.details_wanted() || t.offsets_known());
    });
}

bool topics::all_asked(const std::function<bool(const std::string&)>& f) const {
    return std::all_of(topics_.begin(), topics_.end(), [&](const auto& entry) {
        return !entry.second->details_wanted() || f(entry.first);
    });
}

void topics::update(topic& t, topic_metadata found, uint64_t query) {
    if (found.error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        if (health_.event_over(topic_unknown, t.name))
            worker_.emit(WEFT_INFO, "binding.kafka.topic.found",
                         "Topic (" + t.name + ") exists now.");
        health_.event_over(topic_denied, t.name);
        t.metadata = std::move(found);
        t.cluster_id = cluster_id_;
        t.query = query;
        t.present = true;
        t.missing_since_ns = 0;
        t.why_not = {};
        t.leaderless_attempts = t.offsets_known() ? 0 : t.leaderless_attempts + 1;
    } else if (means_denied(found.error)) {
        denied(t, found.error);
    } else if (means_missing(found.error) || found.error == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION) {
        missing(t, found.error);
    }
    tell(t);
}

void topics::missing(topic& t, rd_kafka_resp_err_t error) {
    const uint64_t now = worker_.now_ns();
    if (t.missing_since_ns == 0) t.missing_since_ns = now;
    if (now - t.missing_since_ns < limits::topic_missing_ms * 1'000'000) return;
    t.present = false;
    const std::string text = error == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION
                                 ? "topic '" + t.name + "' has a name that Kafka does not allow"
                                 : "topic '" + t.name + "' does not exist";
    t.why_not = {WEFT_KAFKA_NO_TOPIC, kafka_code(error), text};
    health_.event(WEFT_WARN, topic_unknown, t.name,
                  "Topic (" + t.name + ") does not exist; asking again until it does.");
}

void topics::denied(topic& t, rd_kafka_resp_err_t error) {
    t.present = false;
    t.why_not = {WEFT_KAFKA_NOT_AUTHORIZED, kafka_code(error),
                 "not authorized for topic '" + t.name + "'"};
    health_.event(WEFT_ERROR, topic_denied, t.name,
                  "METADATA Topic authorization failed for topic (" + t.name + ").");
}

void topics::tell(topic& t) {
    const auto streams = t.streams;  // a stream may leave while it is told
    for (auto* s : streams) {
        if (s->of != &t) continue;
        s->tell_status(health_.current());
        s->on_topic();
    }
}

void topics::drain() {
    for (const auto& [name, t] : topics_)
        for (auto* s : t->streams) s->on_instance_drain();
}

void topics::on_cluster() {
    for (const auto& [name, t] : topics_) tell(*t);
    if (health_.current()) ask();
}

}  // namespace weft::kafka::client
