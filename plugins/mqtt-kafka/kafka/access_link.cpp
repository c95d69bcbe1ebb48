#include "kafka/access_link.hpp"

#include "kafka/kafka_topics.hpp"
#include "limits.hpp"

#include <utility>

namespace weft::mqtt_kafka {

namespace {
constexpr int32_t topic_authorization_failed = 29;
}

// The stream for one session; frees itself when it is closed. The link, which outlives it, may have
// lost interest meanwhile.
class access_link::question final : public endpoint {
public:
    question(access_link& link, session& who) : link_(link), who_(&who) { ++link_.asking_; }

    session* who() const { return who_; }
    void open(const worker& w, uint64_t exit, const std::string& topic, uint64_t auth) {
        meta_writer<weft_kafka_begin> m;
        m->role = WEFT_KAFKA_ACCESS;
        m->topic = m.text(topic);
        stream_ = w.open(exit, *this, m.get(), 0, auth);
    }
    void leave() {
        who_ = nullptr;
        stream_.end();
        stream_.reset();
    }
    void on_begin(stream, const weft_begin&) override { answer(access_verdict::allowed); }
    void on_end(stream, const weft_frame&) override { answer(access_verdict::unknown); }
    void on_abort(stream, const weft_frame&) override { answer(access_verdict::unknown); }
    void on_reset(stream, const weft_frame& f) override {
        const meta_view<weft_kafka_reset> why(f.meta);
        answer(why && why->error == topic_authorization_failed ? access_verdict::denied
                                                               : access_verdict::unknown);
    }
    void on_closed(stream) override {
        answer(access_verdict::unknown);
        --link_.asking_;
        delete this;
    }

private:
    void answer(access_verdict v) {
        if (who_) link_.on_answer(*this, v);
    }

    access_link& link_;
    session* who_;
    stream stream_;
};

access_link::access_link(worker w, uint64_t exit, kafka_topic& topic, topic_listener& listener)
    : topic_stream(w, exit, topic.name(), WEFT_KAFKA_ACCESS),
      of_(topic),
      listener_(listener),
      exit_(exit) {}

access_link::~access_link() {
    if (retry_timer_) worker_.cancel(retry_timer_);
}

void access_link::on_begin(stream s, const weft_begin& b) {
    if (!is_current(s)) return;
    if (!serves(s)) take_over();
    const meta_view<weft_kafka_begin> m(b.h.meta);
    learn(m && (m->flags & WEFT_KAFKA_GUARDED));
}

// A binding that knows no such streams keeps nobody from anything. One that is lost later has said
// what it has to say.
void access_link::on_reset(stream s, const weft_frame& f) {
    const meta_view<weft_kafka_reset> why(f.meta);
    const bool unheard = is_current(s) && !why && !known_;
    topic_stream::on_reset(s, f);
    if (unheard) learn(false);
}

void access_link::learn(bool guarded) {
    const bool news = !std::exchange(known_, true) || guarded_ != guarded;
    guarded_ = guarded;
    std::vector<session*> told;
    for (auto& [who, e] : entries_) {
        if (e.verdict != access_verdict::unknown || e.asked) continue;
        if (guarded_)
            ask(*who, e);
        else
            told.push_back(who);
    }
    for (session* s : told) {
        entries_.erase(s);
        listener_.on_access(*s);
    }
    const bool was_ok = state() == topic_state::ok;
    set_state(topic_state::ok);
    if (news && was_ok) listener_.on_topic_changed(of_);
}

access_verdict access_link::of(session& who, uint64_t auth) {
    if (!guarded()) return access_verdict::allowed;
    const auto [at, first] = entries_.try_emplace(&who);
    entry& e = at->second;
    if (first) {
        e.auth = auth_ref::retain(worker_, auth);
        if (known_) ask(who, e);
    }
    return e.verdict;
}

void access_link::ask(session& who, entry& e) {
    e.asked = new question(*this, who);
    e.asked->open(worker_, exit_, topic(), e.auth.id());
}

void access_link::on_answer(question& q, access_verdict verdict) {
    session& who = *q.who();
    q.leave();
    const auto at = entries_.find(&who);
    if (at == entries_.end()) return;
    entry& e = at->second;
    e.asked = nullptr;
    if (verdict == access_verdict::unknown) {
        lost_.push_back(&who);
        if (!retry_timer_)
            retry_timer_ = worker_.timer_in_ms(access_retry_ms, call<&access_link::on_retry>, this);
        return;
    }
    e.verdict = verdict;
    e.auth = {};
    listener_.on_access(who);
}

void access_link::on_retry() {
    retry_timer_ = 0;
    for (session* s : std::exchange(lost_, {}))
        if (const auto at = entries_.find(s); at != entries_.end() && !at->second.asked)
            ask(*s, at->second);
}

void access_link::forget(session& who) {
    const auto at = entries_.find(&who);
    if (at == entries_.end()) return;
    if (at->second.asked) at->second.asked->leave();
    std::erase(lost_, &who);
    entries_.erase(at);
}

void access_link::stop() {
    if (retry_timer_) worker_.cancel(std::exchange(retry_timer_, 0));
    lost_.clear();
    for (auto& [who, e] : entries_)
        if (auto* q = std::exchange(e.asked, nullptr)) q->leave();
    entries_.clear();
}

}  // namespace weft::mqtt_kafka
