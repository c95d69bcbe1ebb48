// A Kafka of the test kit's peers, as the kind `client` shows it to a cache_server: META, FETCH,
// PRODUCE and OFFSETS streams of topics with one partition.
#pragma once

#include <weft/testing.hpp>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace weft::kafka::test {

using weft::testing::frame;
using weft::testing::peer;

class scripted_cluster {
public:
    struct record {
        std::string key;
        std::optional<std::string> value;
    };
    explicit scripted_cluster(weft::testing::host& h) {
        h.on_open = [this](peer& p) { serve(p); };
    }

    std::map<std::string, std::vector<record>> topics;
    uint32_t cleanup = WEFT_KAFKA_DELETED;
    std::string id = "cluster";
    bool reachable = true;
    std::map<std::pair<std::string, std::string>, int64_t> groups;  // by group and topic
    int32_t commit_error = 0;
    size_t accesses = 0;  // ACCESS streams so far
    bool knows_access = true;
    uint8_t access_flags = 0;
    std::function<bool(uint64_t auth)> refuses_access;
    std::vector<int64_t> fetched_from;  // where each FETCH stream began

    void make(const std::string& topic, const std::vector<std::string>& values = {}) {
        for (const auto& v : values) topics[topic].push_back({"k", v});
        topics[topic];
        pump_all();
    }
    void append(const std::string& topic, record r) {
        topics[topic].push_back(std::move(r));
        pump_all();
    }
    void come_back() {
        reachable = true;
        for (auto& s : streams_) tell(s);
        pump_all();
    }
    void break_fetches() { break_streams(WEFT_KAFKA_FETCH); }
    void break_streams(uint8_t role) {
        for (auto& s : streams_) {
            if (s.role != role || s.over) continue;
            s.over = true;
            s.to->abort();
            if (!s.to->ended()) s.to->reset();
        }
    }
    size_t open_streams() const {
        return static_cast<size_t>(
            std::count_if(streams_.begin(), streams_.end(), [](const auto& s) { return !s.over; }));
    }

private:
    struct stream {
        peer* to = nullptr;
        uint8_t role = 0;
        std::string topic, group;
        size_t next = 0;
        bool over = false;
    };

    void serve(peer& p) {
        const auto m = p.opened_with().as<weft_kafka_begin>();
        if (m->role == WEFT_KAFKA_ACCESS && !admit(p)) return;
        auto& s = streams_.emplace_back();
        s.to = &p;
        s.role = m->role;
        s.topic = m.text(m->topic);
        s.group = m.text(m->group);
        for (const auto& at : m.list<weft_kafka_position>(m->positions)) {
            fetched_from.push_back(at.offset);
            s.next = static_cast<size_t>(at.offset);
        }
        p.on_frame = [this, &s](peer&, const frame& f) { hear(s, f); };
        if (s.role == WEFT_KAFKA_ACCESS) return answer_access(p);
        p.begin();
        if (s.role == WEFT_KAFKA_PRODUCE) p.keep_window(1 << 20);
        tell(s);
    }
    bool admit(peer& p) {
        ++accesses;
        if (knows_access && !(refuses_access && refuses_access(p.opened_with().auth))) return true;
        meta_writer<weft_kafka_reset> m;
        m->error = 29;
        const weft_meta* why = knows_access ? m.get() : nullptr;
        p.reset(why);
        p.abort(why);
        return false;
    }
    void answer_access(peer& p) const {
        meta_writer<weft_kafka_begin> m;
        m->role = WEFT_KAFKA_ACCESS;
        m->flags = access_flags;
        p.begin(m.get());
    }
    void hear(stream& s, const frame& f) {
        switch (f.kind) {
            case WEFT_WINDOW:
                return pump(s);
            case WEFT_DATA:
                return take(s, f);
            case WEFT_FLUSH:
                return commit(s, f);
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
    void take(stream& s, const frame& f) {
        const auto m = f.as<weft_kafka_produce>();
        meta_writer<weft_kafka_produced> answer;
        answer->token = m->token;
        answer->offset = static_cast<int64_t>(topics[s.topic].size());
        append(s.topic, {std::string(m.text(m->key)), f.payload});
        s.to->flush(answer.get());
    }
    void commit(stream& s, const frame& f) {
        const auto m = f.as<weft_kafka_offsets>();
        if (commit_error == 0)
            for (const auto& p : m.list<weft_kafka_place>(m->places))
                groups[{s.group, s.topic}] = p.offset;
        meta_writer<weft_kafka_offsets> answer;
        answer->token = m->token;
        answer->error = commit_error;
        s.to->flush(answer.get());
    }
    void tell_places(stream& s) {
        meta_writer<weft_kafka_offsets> m;
        if (const auto at = groups.find({s.group, s.topic}); at != groups.end()) {
            const weft_kafka_place only{at->second, 0, static_cast<int64_t>(topics[s.topic].size()),
                                        0, 0};
            m->places = m.list_of(std::span(&only, 1));
        }
        s.to->flush(m.get());
    }
    void tell(stream& s) {
        if (s.over) return;
        if (!reachable || !topics.contains(s.topic)) {
            meta_writer<weft_kafka_status> m;
            m->state = reachable ? WEFT_KAFKA_NO_TOPIC : WEFT_KAFKA_UNREACHABLE;
            m->text = m.text(reachable ? "topic '" + s.topic + "' does not exist"
                                       : std::string("no broker answers"));
            return s.to->flush(m.get());
        }
        if (s.role == WEFT_KAFKA_OFFSETS) return tell_places(s);
        if (s.role != WEFT_KAFKA_META) return;
        meta_writer<weft_kafka_partitions> m;
        m->cleanup = cleanup;
        m->cluster_id = m.text(id);
        const weft_kafka_partition only{0, static_cast<int64_t>(topics[s.topic].size()), 0, 0};
        m->partitions = m.list_of(std::span(&only, 1));
        s.to->flush(m.get());
    }
    void pump(stream& s) {
        if (s.role != WEFT_KAFKA_FETCH || !reachable) return;
        auto& all = topics[s.topic];
        for (; !s.over && s.next < all.size(); ++s.next) {
            const record& r = all[s.next];
            if (s.to->credit() < r.value.value_or("").size()) return;
            meta_writer<weft_kafka_record> m;
            m->offset = static_cast<int64_t>(s.next);
            m->timestamp_ms = 1;
            m->key = m.text(r.key);
            m->flags = r.value ? 0 : WEFT_KAFKA_NULL_VALUE;
            s.to->send(r.value.value_or(""), m.get());
        }
    }
    void pump_all() {
        for (auto& s : streams_) pump(s);
    }

    std::deque<stream> streams_;
};

}  // namespace weft::kafka::test
