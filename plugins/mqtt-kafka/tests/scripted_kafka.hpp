// A Kafka of the test kit's peers: answers every stream that the binding opens, from topics of one
// partition in memory. What it holds back, and when, is the test's to say.
#pragma once

#include "mapping/levels.hpp"

#include <weft/testing.hpp>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace weft::mqtt_kafka::test {

using weft::testing::frame;
using weft::testing::peer;

class scripted_kafka {
public:
    struct record {
        std::string key;
        std::optional<std::string> value;
        std::vector<std::pair<std::string, std::string>> headers;
        std::string header(const std::string& name) const {
            for (const auto& [n, v] : headers)
                if (n == name) return v;
            return {};
        }
    };
    explicit scripted_kafka(weft::testing::host& h) {
        h.on_open = [this](peer& p) { serve(p); };
    }

    std::map<std::string, std::vector<record>> topics;
    bool reachable = true;
    bool answers = true;  // false: records are written, and nobody is told before answer()
    bool echoes = true;   // false: tails bring nothing before echo()
    int32_t error = 0;    // for every record that is produced from now on
    uint32_t produce_window = 1 << 20;
    // ACCESS streams: which topics are guarded, and for whom they are.
    std::set<std::string> guarded;
    std::set<uint64_t> admitted;
    bool answers_access = true;  // false: nobody is told before answer_access()
    bool knows_access = true;
    bool loses_access = false;  // questions are lost
    size_t asked = 0;           // for clients, so far
    size_t not_shared = 0;      // other streams than ACCESS that are not

    void answer_access() {
        answers_access = true;
        each([&](stream& s) {
            if (s.role == WEFT_KAFKA_ACCESS && !s.told) answer_access(s);
        });
    }
    void move_access() {
        const size_t n = streams_.size();  // their successors stay
        for (size_t i = 0; i < n; ++i)
            if (streams_[i].role == WEFT_KAFKA_ACCESS && !streams_[i].over) streams_[i].to->drain();
    }

    void append(const std::string& topic, record r) {
        topics[topic].push_back(std::move(r));
        if (echoes) pump_tails();
    }
    void answer() {
        answers = true;
        each([&](stream& s) { answer(s); });
    }
    void echo() {
        echoes = true;
        pump_tails();
    }
    void come_back() {
        reachable = true;
        each([&](stream& s) { tell(s); });
    }
    size_t open_streams() const {
        return static_cast<size_t>(std::count_if(streams_.begin(), streams_.end(),
                                                 [](const auto& s) { return !s.to->closed(); }));
    }
    // The newest value of a key; none: a tombstone, or nothing.
    std::optional<std::string> newest(const std::string& topic, const std::string& key) {
        std::optional<std::string> out;
        for (const auto& r : topics[topic])
            if (r.key == key) out = r.value;
        return out;
    }
    std::vector<std::string> values(const std::string& topic) {
        std::vector<std::string> out;
        for (const auto& r : topics[topic]) out.push_back(r.value.value_or("(null)"));
        return out;
    }

private:
    struct answer_due {
        uint64_t token;
        int64_t offset;
        int32_t error;
    };
    struct stream {
        peer* to = nullptr;
        uint8_t role = 0;
        std::string topic;
        size_t next = 0, end = 0;  // offsets: TAIL, HISTORY
        bool newest = false, over = false, told = false, shared = false;
        std::vector<std::pair<std::string, bool>> filters;  // exact?
        frame open;  // the first frame of a record that has not all come
        std::vector<answer_due> due;
    };

    // Streams may be opened by what f does.
    template <class F>
    void each(F&& f) {
        for (size_t i = 0; i < streams_.size(); ++i) f(streams_[i]);
    }
    void serve(peer& p) {
        const auto m = p.opened_with().as<weft_kafka_begin>();
        auto& s = streams_.emplace_back();
        s.to = &p;
        s.role = m->role;
        s.topic = m.text(m->topic);
        s.newest = m->flags & WEFT_KAFKA_NEWEST_PER_KEY;
        for (const auto& f : m.list<weft_kafka_filter>(m->filters))
            s.filters.emplace_back(m.text(f.pattern), f.kind == WEFT_KAFKA_KEY_EQUALS);
        s.end = topics[s.topic].size();
        if (s.role == WEFT_KAFKA_TAIL) s.next = s.end;
        for (const auto& at : m.list<weft_kafka_position>(m->positions)) {
            if (at.offset >= 0) s.next = static_cast<size_t>(at.offset);
            if (at.end >= 0) s.end = static_cast<size_t>(at.end);
        }
        p.on_frame = [this, &s](peer&, const frame& f) { hear(s, f); };
        s.shared = m->flags & WEFT_KAFKA_SHARED;
        if (s.role == WEFT_KAFKA_ACCESS) return serve_access(s);
        not_shared += !s.shared;
        p.begin();
        if (s.role == WEFT_KAFKA_PRODUCE) p.keep_window(produce_window);
        if (s.role != WEFT_KAFKA_HISTORY) tell(s);
    }
    void serve_access(stream& s) {
        asked += !s.shared;
        if (!knows_access || (loses_access && !s.shared)) return reset(s, nullptr);
        if (answers_access) answer_access(s);
    }
    static void reset(stream& s, const weft_meta* why) {
        s.told = s.over = true;
        s.to->reset(why);
        if (s.to->may_send()) s.to->abort(why);
    }
    void answer_access(stream& s) {
        if (s.over) return;
        s.told = true;
        const bool is_guarded = guarded.contains(s.topic);
        if (is_guarded && !s.shared && !admitted.contains(s.to->opened_with().auth)) {
            meta_writer<weft_kafka_reset> m;
            m->error = 29;
            return reset(s, m.get());
        }
        meta_writer<weft_kafka_begin> m;
        m->role = WEFT_KAFKA_ACCESS;
        if (is_guarded) m->flags = WEFT_KAFKA_GUARDED;
        s.to->begin(m.get());
    }
    void hear(stream& s, const frame& f) {
        switch (f.kind) {
            case WEFT_DATA:
                return hear_record(s, f);
            case WEFT_WINDOW:
                return s.role == WEFT_KAFKA_HISTORY ? pump_history(s) : pump_tail(s);
            case WEFT_END:
                s.over = true;
                if (s.to->may_send()) s.to->end();
                return;
            case WEFT_ABORT:
            case WEFT_RESET:
                s.over = true;
                if (s.to->may_send()) s.to->abort();
                return;
            default:
                return;
        }
    }
    void hear_record(stream& s, const frame& f) {
        if (f.flags & WEFT_INIT)
            s.open = f;
        else
            s.open.payload += f.payload;
        if (!(f.flags & WEFT_FIN)) return;
        const auto m = s.open.as<weft_kafka_produce>();
        s.due.push_back({m->token, -1, error});
        if (error == 0) {
            record r;
            r.key = m.text(m->key);
            if (!(m->flags & WEFT_KAFKA_NULL_VALUE)) r.value = s.open.payload;
            for (const auto& h : m.list<weft_pair>(m->headers))
                r.headers.emplace_back(m.text(h.name), m.text(h.value));
            s.due.back().offset = static_cast<int64_t>(topics[s.topic].size());
            append(s.topic, std::move(r));
        }
        if (answers) answer(s);
    }
    static void answer(stream& s) {
        for (const auto& a : std::exchange(s.due, {})) {
            meta_writer<weft_kafka_produced> m;
            m->token = a.token;
            m->offset = a.offset;
            m->error = a.error;
            if (a.error) m->text = m.text("error of the test");
            s.to->flush(m.get());
        }
    }
    void tell(stream& s) {
        if (s.over || s.role == WEFT_KAFKA_HISTORY || s.role == WEFT_KAFKA_ACCESS) return;
        meta_writer<weft_kafka_status> m;
        m->state = reachable ? WEFT_KAFKA_OK : WEFT_KAFKA_UNREACHABLE;
        if (!reachable) m->text = m.text("no broker answers");
        s.to->flush(m.get());
        if (!reachable || s.role == WEFT_KAFKA_PRODUCE) return;
        meta_writer<weft_kafka_partitions> p;
        p->cleanup = WEFT_KAFKA_COMPACTED;
        const weft_kafka_partition only{0, static_cast<int64_t>(s.next), 0, 0};
        p->partitions = p.list_of(std::span(&only, 1));
        s.to->flush(p.get());
        s.told = true;
        pump_tail(s);
    }
    // False when there is no credit for it.
    bool send(stream& s, size_t offset) {
        const record& r = topics[s.topic][offset];
        const size_t size = r.value ? r.value->size() : 0;
        if (s.to->credit() == 0 || s.to->credit() < size + s.to->padding()) return false;
        meta_writer<weft_kafka_record> m;
        m->offset = static_cast<int64_t>(offset);
        m->timestamp_ms = -1;
        m->flags = r.value ? 0 : WEFT_KAFKA_NULL_VALUE;
        m->key = m.text(r.key);
        const weft_ref list = m.list<weft_pair>(r.headers.size());
        for (size_t i = 0; i < r.headers.size(); ++i) {
            const weft_ref name = m.text(r.headers[i].first), value = m.text(r.headers[i].second);
            m.item<weft_pair>(list, i) = {name, value};
        }
        m->headers = list;
        s.to->send(r.value.value_or(""), m.get());
        return true;
    }
    void pump_tail(stream& s) {
        if (s.role != WEFT_KAFKA_TAIL || s.over || !s.told || !echoes) return;
        while (s.next < topics[s.topic].size() && send(s, s.next)) ++s.next;
    }
    void pump_tails() {
        each([&](stream& s) { pump_tail(s); });
    }
    bool wanted(const stream& s, size_t offset) {
        const auto& all = topics[s.topic];
        const record& r = all[offset];
        const auto hit = [&](const auto& f) {
            return f.second ? f.first == r.key : filter_matches(f.first, r.key);
        };
        if (!s.filters.empty() && std::none_of(s.filters.begin(), s.filters.end(), hit))
            return false;
        if (!s.newest) return true;
        for (size_t later = offset + 1; later < s.end; ++later)
            if (all[later].key == r.key) return false;
        return r.value && !r.value->empty();
    }
    void pump_history(stream& s) {
        if (s.over) return;
        for (; s.next < s.end; ++s.next)
            if (wanted(s, s.next) && !send(s, s.next)) return;
        meta_writer<weft_kafka_progress> m;
        const weft_kafka_position at{static_cast<int64_t>(s.end), static_cast<int64_t>(s.end), 0,
                                     0};
        m->positions = m.list_of(std::span(&at, 1));
        s.over = true;
        s.to->flush(m.get());
        s.to->end();
    }

    std::deque<stream> streams_;
};

}  // namespace weft::mqtt_kafka::test
