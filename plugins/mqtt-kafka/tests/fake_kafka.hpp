// A Kafka binding in memory: speaks the kafka.* metadata of all roles that mqtt-kafka uses. One
// worker's thread at a time.
#pragma once

#include "mapping/levels.hpp"

#include "../../kafka/client/murmur2.hpp"

#include <weft/plugin.hpp>

#include <algorithm>
#include <cstring>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace weft::mqtt_kafka::test {

inline int32_t partition_of(std::string_view key, int32_t partitions) {
    return static_cast<int32_t>(kafka::murmur2_positive(key)) % partitions;
}

using header_list = std::vector<std::pair<std::string, std::string>>;

struct stored_record {
    std::optional<std::string> key, value;
    header_list headers;
    int64_t timestamp_ms = 0;
};

struct fake_topic {
    bool exists = true;
    uint32_t cleanup = WEFT_KAFKA_DELETED;
    std::vector<std::vector<stored_record>> partitions{1};
    size_t without_leader = 0;  // so many of the last ones: nobody hears of them
};

class fake_endpoint;

// The cluster and its control. Tests call it on the worker's thread only (world::in_kafka).
class fake_kafka : public instance {
public:
    explicit fake_kafka(worker w) : worker_(w) {}
    int64_t now_ms() const { return static_cast<int64_t>(worker_.wall_ms()); }

    fake_topic& topic(const std::string& name) { return topics_[name]; }
    bool reachable = true;
    bool answers = true;  // false: records are written, but nobody is told yet (answer_all)
    bool writes = true;   // false: records wait, as while Kafka is away (write_all)
    uint32_t produce_window = 1 << 20;
    bool produce_takes = true;  // false: no more credit for records until take_records()
    int32_t produce_error = 0;  // for records to `error_topic`
    std::string error_topic;
    uint32_t history_opened = 0;
    uint64_t history_records = 0;  // sent on history streams
    bool history_waits = false;    // history streams send nothing until history_go()
    bool tells = true;  // false: streams opened from now on hear nothing until tell_status()
    // Streams of this topic are always served and not counted: every session needs them.
    std::string apart = "mqtt-sessions";
    // What consumer groups have committed, and the error of commits.
    std::map<std::string, std::map<std::pair<std::string, int32_t>, int64_t>> groups;
    int32_t commit_error = 0;
    bool commit_waits = false;  // commits are written, but nobody is told yet (answer_commits)
    int64_t log_begin = 0;      // as OFFSETS tells it
    int64_t tail_lag = 0;       // records before the end with which a new tail begins

    endpoint* accept(stream s, const weft_begin& b) override;

    // Another program writes a record.
    void append(const std::string& topic, stored_record r, int32_t partition = 0);
    // Tells everybody what has changed: topics made or removed, the cluster reachable or not.
    void tell_status();
    void answer_all();
    void write_all();
    void answer_commits();
    // The topic is deleted and made again with these records; the tails that are open say so.
    void make_anew(const std::string& topic, std::vector<stored_record> records);
    void take_records();
    void history_go();
    // Breaks all streams of a role, as a crash of the binding would.
    void break_all(uint8_t role);
    // The same for some of them, in the order of their opening.
    void break_oldest(uint8_t role, size_t count);
    void break_newest(uint8_t role, size_t count);
    void tell_newest(uint8_t role, size_t count);
    // Asks the openers of a role's streams to move, as a binding that is replaced does.
    void drain_all(uint8_t role);
    // The tails that are open bring nothing any more, as if they were late.
    void stall_tails();
    // What is open is cut off, as from a process that was killed: it writes and hears nothing.
    void cut_off();
    size_t open_streams(uint8_t role) const;

    std::vector<stored_record> records(const std::string& topic, size_t partition = 0) {
        return topics_[topic].partitions.at(partition);
    }

private:
    friend class fake_endpoint;
    static constexpr uint32_t records_per_turn = 8;  // of history: a log yields to others
    std::vector<fake_endpoint*> of_role(uint8_t role) const;
    void go_on_soon() {
        if (!std::exchange(scheduled_, true)) worker_.defer(call<&fake_kafka::go_on>, this);
    }
    void go_on() {
        scheduled_ = false;
        if (!history_waits) history_go();
    }

    bool scheduled_ = false;
    std::map<std::string, fake_topic> topics_;
    std::vector<fake_endpoint*> endpoints_;
    worker worker_;
};

class fake_endpoint : public endpoint {
public:
    fake_endpoint(fake_kafka& k, stream s, const meta_view<weft_kafka_begin>& b)
        : role(b->role),
          topic(b.text(b->topic)),
          group(b.text(b->group)),
          kafka_(k),
          stream_(s),
          newest_(b->flags & WEFT_KAFKA_NEWEST_PER_KEY) {
        for (const auto& p : b.list<weft_kafka_position>(b->positions)) positions_.push_back(p);
        for (const auto& f : b.list<weft_kafka_filter>(b->filters))
            filters_.emplace_back(b.text(f.pattern), f.kind == WEFT_KAFKA_KEY_EQUALS);
        k.endpoints_.push_back(this);
    }
    ~fake_endpoint() override { std::erase(kafka_.endpoints_, this); }

    const uint8_t role;
    const std::string topic;
    const std::string group;  // OFFSETS

    void start() {
        stream_.begin();
        if (role == WEFT_KAFKA_PRODUCE) stream_.window(produce_window());
        if (role == WEFT_KAFKA_HISTORY)
            prepare_history();
        else if (kafka_.tells || apart())
            tell();
    }
    void ask_to_move() { stream_.drain(); }
    void stall() { stalled_ = true; }
    void cut_off() { stalled_ = cut_off_ = true; }
    uint32_t produce_window() const { return apart() ? 1u << 20 : kafka_.produce_window; }
    bool apart() const { return topic == kafka_.apart && role != WEFT_KAFKA_META; }
    void take() {
        if (role == WEFT_KAFKA_PRODUCE) stream_.window(produce_window());
    }
    void tell() {
        const auto& t = kafka_.topics_[topic];
        if (!kafka_.reachable) return status(WEFT_KAFKA_UNREACHABLE, "no broker answers");
        if (!t.exists) return status(WEFT_KAFKA_NO_TOPIC, "unknown topic");
        status(WEFT_KAFKA_OK, "");
        if (role == WEFT_KAFKA_TAIL || role == WEFT_KAFKA_META) partitions();
        if (role == WEFT_KAFKA_OFFSETS) offsets(0, 0);
    }
    // What is live and not sent yet, once there is credit at all.
    void pump_tail() {
        if (role != WEFT_KAFKA_TAIL || !told_ || stalled_ || stream_.credit() == 0) return;
        const auto& parts = kafka_.topics_[topic].partitions;
        for (size_t i = 0; i < next_.size(); ++i)
            for (; next_[i] < static_cast<int64_t>(parts[i].size()); ++next_[i])
                send_record(static_cast<int32_t>(i), next_[i],
                            parts[i][static_cast<size_t>(next_[i])]);
    }
    void answer_all() {
        for (; !unanswered_.empty(); unanswered_.pop_front()) produced(unanswered_.front());
    }
    void write_all() {
        for (; !unwritten_.empty(); unwritten_.pop_front()) write(unwritten_.front());
    }
    void break_stream() {
        stream_.abort();
        stream_.reset();
    }
    void pump_history();

    void on_data(stream s, const weft_data& d) override {
        if (role != WEFT_KAFKA_PRODUCE) return;
        if (d.h.flags & WEFT_INIT) {
            const auto words = (d.h.meta->size + 7) / 8;
            incoming_.block.assign(words, 0);
            std::memcpy(incoming_.block.data(), d.h.meta, d.h.meta->size);
            incoming_.value.clear();
        }
        for (const auto& x : slices(d)) incoming_.value += text_of(x);
        if (kafka_.produce_takes || apart()) s.window(produce_window());
        if (cut_off_) return;
        if (!(d.h.flags & WEFT_FIN)) return;
        if (kafka_.writes || apart())
            write(incoming_);
        else
            unwritten_.push_back(incoming_);
    }
    void on_flush(stream, const weft_flush& f) override {
        const meta_view<weft_kafka_offsets> m(f.h.meta);
        if (!m || role != WEFT_KAFKA_OFFSETS || cut_off_) return;
        for (const auto& p : m.list<weft_kafka_place>(m->places)) {
            if (kafka_.commit_error == 0) kafka_.groups[group][{topic, p.partition}] = p.offset;
        }
        if (kafka_.commit_waits)
            unanswered_commit_ = m->token;
        else
            offsets(m->token, kafka_.commit_error);
    }
    void answer_commit() {
        if (unanswered_commit_) offsets(std::exchange(unanswered_commit_, 0), kafka_.commit_error);
    }
    void begin_anew() {
        if (role != WEFT_KAFKA_TAIL || !told_) return;
        next_.clear();
        partitions();
    }
    void on_window(stream, const weft_window&) override {
        if (role == WEFT_KAFKA_HISTORY)
            pump_history();
        else
            pump_tail();
    }
    void on_end(stream s, const weft_frame&) override {
        s.end();
        s.reset();
    }
    void on_abort(stream s, const weft_frame&) override {
        s.abort();
        s.reset();
    }
    void on_reset(stream s, const weft_frame&) override {
        s.abort();
        s.reset();
    }
    void on_closed(stream) override { delete this; }

private:
    struct incoming {
        std::vector<uint64_t> block;
        std::string value;
    };
    struct answer {
        uint64_t token;
        int32_t partition;
        int64_t offset;
        int32_t error;
    };

    void write(const incoming& in) {
        const meta_view<weft_kafka_produce> m(reinterpret_cast<const weft_meta*>(in.block.data()));
        auto& t = kafka_.topics_[topic];
        int32_t error = topic == kafka_.error_topic ? kafka_.produce_error : 0;
        if (!t.exists && !apart()) error = 3;
        answer a{m->token, -1, -1, error};
        if (!error) {
            stored_record r;
            if (m.has(m->key)) r.key = std::string(m.text(m->key));
            if (!(m->flags & WEFT_KAFKA_NULL_VALUE)) r.value = in.value;
            r.timestamp_ms = m->timestamp_ms >= 0 ? m->timestamp_ms : kafka_.now_ms();
            for (const auto& h : m.list<weft_pair>(m->headers))
                r.headers.emplace_back(m.text(h.name), m.text(h.value));
            const auto hash = m.has(m->hash_key) ? m.text(m->hash_key) : m.text(m->key);
            a.partition = partition_of(hash, static_cast<int32_t>(t.partitions.size()));
            a.offset = static_cast<int64_t>(t.partitions[static_cast<size_t>(a.partition)].size());
            kafka_.append(topic, std::move(r), a.partition);
        }
        unanswered_.push_back(a);
        if (kafka_.answers || apart()) answer_all();
    }
    void produced(const answer& a) {
        meta_writer<weft_kafka_produced> m;
        m->token = a.token;
        m->partition = a.partition;
        m->offset = a.offset;
        m->error = a.error;
        if (a.error) m->text = m.text("error of the test");
        stream_.flush(m.get());
    }
    void status(uint32_t state, std::string_view text) {
        meta_writer<weft_kafka_status> m;
        m->state = state;
        m->text = m.text(text);
        stream_.flush(m.get());
    }
    void partitions() {
        const auto& parts = kafka_.topics_[topic].partitions;
        meta_writer<weft_kafka_partitions> m;
        m->cleanup = kafka_.topics_[topic].cleanup;
        const size_t led = parts.size() - kafka_.topics_[topic].without_leader;
        const weft_ref list = m.list<weft_kafka_partition>(led);
        for (size_t i = 0; i < led; ++i) {
            const auto end = static_cast<int64_t>(parts[i].size());
            if (next_.size() <= i)
                next_.push_back(std::max<int64_t>(
                    0, role == WEFT_KAFKA_TAIL && !apart() ? end - kafka_.tail_lag : end));
            m.item<weft_kafka_partition>(list, i) = {0, next_[i], static_cast<int32_t>(i), 0};
        }
        m->partitions = list;
        stream_.flush(m.get());
        told_ = true;
        pump_tail();
    }
    // What the group has committed (token 0), or the answer to a commit.
    void offsets(uint64_t token, int32_t error) {
        meta_writer<weft_kafka_offsets> m;
        std::vector<weft_kafka_place> list;
        const auto& parts = kafka_.topics_[topic].partitions;
        for (const auto& [at, next] : kafka_.groups[group])
            if (at.first == topic)
                list.push_back(
                    {next, kafka_.log_begin,
                     static_cast<int64_t>(parts.at(static_cast<size_t>(at.second)).size()),
                     at.second, 0});
        m->token = token;
        m->error = error;
        if (!list.empty()) m->places = m.list_of(std::span<const weft_kafka_place>(list));
        if (error) m->text = m.text("error of the test");
        stream_.flush(m.get());
    }
    void send_record(int32_t partition, int64_t offset, const stored_record& r) {
        meta_writer<weft_kafka_record> m;
        m->partition = partition;
        m->offset = offset;
        m->timestamp_ms = r.timestamp_ms;
        if (r.key) m->key = m.text(*r.key);
        const weft_ref list = m.list<weft_pair>(r.headers.size());
        for (size_t i = 0; i < r.headers.size(); ++i) {
            const weft_ref name = m.text(r.headers[i].first), value = m.text(r.headers[i].second);
            m.item<weft_pair>(list, i) = {name, value};
        }
        m->headers = list;
        if (!r.value) m->flags = WEFT_KAFKA_NULL_VALUE;
        // A buffer of its own, as a slice of the log would be.
        uint8_t* bytes = nullptr;
        const auto size = static_cast<uint32_t>(r.value ? r.value->size() : 0);
        chunk c = size ? kafka_.worker_.alloc(size, bytes) : chunk{};
        if (size) std::memcpy(bytes, r.value->data(), size);
        if (size) c.truncate(size);
        if (size)
            stream_.data(c.slice(), m.get());
        else
            stream_.data(std::span<const weft_slice>{}, m.get());
    }
    void prepare_history();
    bool wanted(const stored_record& r, const std::vector<stored_record>& all, size_t offset,
                size_t end) const;

    fake_kafka& kafka_;
    stream stream_;
    bool newest_ = false, told_ = false, ended_ = false, stalled_ = false;
    std::vector<weft_kafka_position> positions_;
    std::vector<std::pair<std::string, bool>> filters_;  // exact?
    bool cut_off_ = false;
    std::vector<int64_t> next_;
    incoming incoming_;
    std::deque<answer> unanswered_;
    std::deque<incoming> unwritten_;
    uint64_t unanswered_commit_ = 0;  // token
};

inline void fake_endpoint::prepare_history() {
    if (!apart()) ++kafka_.history_opened;
    const auto& parts = kafka_.topics_[topic].partitions;
    if (positions_.empty())
        for (size_t i = 0; i < parts.size(); ++i)
            positions_.push_back({0, -1, static_cast<int32_t>(i), 0});
    for (auto& p : positions_) {
        p.offset = std::max<int64_t>(p.offset, 0);
        if (p.end < 0)
            p.end = static_cast<int64_t>(parts.at(static_cast<size_t>(p.partition)).size());
    }
}

inline bool fake_endpoint::wanted(const stored_record& r, const std::vector<stored_record>& all,
                                  size_t offset, size_t end) const {
    if (!filters_.empty() &&
        (!r.key || std::none_of(filters_.begin(), filters_.end(), [&](const auto& f) {
            return f.second ? f.first == *r.key : filter_matches(f.first, *r.key);
        })))
        return false;
    if (!newest_) return true;
    for (size_t later = offset + 1; later < end; ++later)
        if (all[later].key == r.key) return false;
    return r.value && !r.value->empty();
}

// One record at a time and only with credit for it, as a log would.
inline void fake_endpoint::pump_history() {
    if ((kafka_.history_waits && !apart()) || ended_) return;
    uint32_t left = fake_kafka::records_per_turn;
    for (auto& p : positions_) {
        const auto& all = kafka_.topics_[topic].partitions.at(static_cast<size_t>(p.partition));
        for (; p.offset < p.end; ++p.offset) {
            const auto& r = all.at(static_cast<size_t>(p.offset));
            if (!wanted(r, all, static_cast<size_t>(p.offset), static_cast<size_t>(p.end)))
                continue;
            if (left-- == 0) return kafka_.go_on_soon();
            if (stream_.credit() == 0 || stream_.credit() < (r.value ? r.value->size() : 0)) return;
            if (!apart()) ++kafka_.history_records;
            send_record(p.partition, p.offset, r);
        }
    }
    meta_writer<weft_kafka_progress> m;
    m->positions = m.list_of(std::span<const weft_kafka_position>(positions_));
    stream_.flush(m.get());
    ended_ = true;
    stream_.end();
}

inline endpoint* fake_kafka::accept(stream s, const weft_begin& b) {
    const meta_view<weft_kafka_begin> m(b.h.meta);
    if (!m) return nullptr;
    auto* e = new fake_endpoint(*this, s, m);
    e->start();
    return e;
}

inline void fake_kafka::append(const std::string& name, stored_record r, int32_t partition) {
    auto& list = topics_[name].partitions.at(static_cast<size_t>(partition));
    list.push_back(r);
    for (auto* e : std::vector(endpoints_))
        if (e->topic == name) e->pump_tail();
}
inline void fake_kafka::tell_status() {
    for (auto* e : std::vector(endpoints_))
        if (e->role != WEFT_KAFKA_HISTORY) e->tell();
}
inline void fake_kafka::answer_all() {
    for (auto* e : std::vector(endpoints_)) e->answer_all();
}
inline void fake_kafka::write_all() {
    writes = true;
    for (auto* e : std::vector(endpoints_)) e->write_all();
}
inline void fake_kafka::answer_commits() {
    commit_waits = false;
    for (auto* e : std::vector(endpoints_)) e->answer_commit();
}
inline void fake_kafka::make_anew(const std::string& name, std::vector<stored_record> records) {
    topics_[name].partitions.assign(1, std::move(records));
    for (auto* e : std::vector(endpoints_))
        if (e->topic == name) e->begin_anew();
}
inline void fake_kafka::history_go() {
    history_waits = false;
    for (auto* e : std::vector(endpoints_))
        if (e->role == WEFT_KAFKA_HISTORY) e->pump_history();
}
inline void fake_kafka::break_all(uint8_t role) {
    for (auto* e : std::vector(endpoints_))
        if (e->role == role) e->break_stream();
}
inline std::vector<fake_endpoint*> fake_kafka::of_role(uint8_t role) const {
    std::vector<fake_endpoint*> out;
    for (auto* e : endpoints_)
        if (e->role == role && !e->apart()) out.push_back(e);
    return out;
}
inline void fake_kafka::break_oldest(uint8_t role, size_t count) {
    for (auto* e : of_role(role))
        if (count-- > 0)
            e->break_stream();
        else
            break;
}
inline void fake_kafka::break_newest(uint8_t role, size_t count) {
    auto list = of_role(role);
    for (; count > 0; --count, list.pop_back()) list.back()->break_stream();
}
inline void fake_kafka::tell_newest(uint8_t role, size_t count) {
    auto list = of_role(role);
    for (; count > 0; --count, list.pop_back()) list.back()->tell();
}
inline void fake_kafka::take_records() {
    produce_takes = true;
    for (auto* e : std::vector(endpoints_)) e->take();
}
inline void fake_kafka::drain_all(uint8_t role) {
    for (auto* e : of_role(role)) e->ask_to_move();
}
inline void fake_kafka::stall_tails() {
    for (auto* e : endpoints_)
        if (e->role == WEFT_KAFKA_TAIL && !e->apart()) e->stall();
}
inline void fake_kafka::cut_off() {
    for (auto* e : endpoints_) e->cut_off();
}
inline size_t fake_kafka::open_streams(uint8_t role) const {
    return static_cast<size_t>(
        std::count_if(endpoints_.begin(), endpoints_.end(),
                      [&](const auto* e) { return e->role == role && !e->apart(); }));
}

}  // namespace weft::mqtt_kafka::test
