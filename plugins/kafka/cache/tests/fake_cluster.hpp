// A Kafka in memory, as the client kind shows it: META, FETCH and PRODUCE streams. One cluster, an
// exit instance per worker.
#pragma once

#include <weft/plugin.hpp>

#include <algorithm>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace weft::kafka::test {

struct fake_record {
    int64_t offset = 0;
    std::string key, value;
    bool null_value = false;
    int64_t timestamp_ms = 1;
};

struct fake_partition {
    std::vector<fake_record> records;
    int64_t begin = 0, next = 0;
    bool leader = true;
};

struct fake_topic {
    std::vector<fake_partition> partitions;
    uint32_t cleanup = WEFT_KAFKA_DELETED;
};

class fake_exit;

// Guarded by its mutex: tests change it from their own thread.
class fake_cluster {
public:
    std::mutex mutex;
    std::map<std::string, fake_topic> topics;
    std::string id = "cluster";
    bool reachable = true;
    int meta_streams = 0, fetch_streams = 0;  // opened so far
    int64_t last_fetch_offset = -100;
    bool answers_produce = true;       // false: what is produced waits for its answer
    bool delivers = true;              // false: FETCH streams bring nothing
    std::map<int32_t, int> following;  // FETCH streams without an end, by partition
    int following_max = 0;
    std::vector<fake_exit*> exits;

    void make(const std::string& topic, size_t partitions, uint32_t cleanup = WEFT_KAFKA_DELETED) {
        const std::lock_guard lock(mutex);
        topics[topic].partitions.resize(partitions);
        topics[topic].cleanup = cleanup;
    }
    void produce(const std::string& topic, int32_t partition, const std::string& key,
                 std::optional<std::string> value, int64_t ts = 1) {
        {
            const std::lock_guard lock(mutex);
            auto& p = topics[topic].partitions[static_cast<size_t>(partition)];
            p.records.push_back({p.next++, key, value.value_or(""), !value, ts});
        }
        wake();
    }
    void change(const std::function<void(fake_cluster&)>& f) {
        {
            const std::lock_guard lock(mutex);
            f(*this);
        }
        wake();
    }
    void wake();
};

class fake_exit final : public instance {
public:
    fake_exit(fake_cluster& c, worker w) : cluster_(c), worker_(w) {
        const std::lock_guard lock(c.mutex);
        c.exits.push_back(this);
    }
    ~fake_exit() override {
        const std::lock_guard lock(cluster_.mutex);
        std::erase(cluster_.exits, this);
    }
    void post_wake() {
        worker_.post([this] { serve(); });
    }

    endpoint* accept(stream s, const weft_begin& b) override {
        const meta_view<weft_kafka_begin> m(b.h.meta);
        if (refuse) return nullptr;
        s.begin();
        auto* c = new conversation(*this, s, m);
        live_.push_back(c);
        worker_.post([this] { serve(); });
        return c;
    }
    // Whoever has a stream here is asked to move; it is served until it does.
    void drain(uint32_t, uint64_t) override {
        const auto live = live_;
        for (auto* c : live)
            if (!c->over) c->s.drain();
    }
    bool refuse = false;
    // Breaks every FETCH stream.
    void abort_fetches() {
        for (auto* c : live_)
            if (c->role == WEFT_KAFKA_FETCH) c->s.abort(), c->s.reset();
    }
    void say_out_of_range() {
        for (auto* c : live_) {
            if (c->role != WEFT_KAFKA_FETCH) continue;
            meta_writer<weft_kafka_status> m;
            m->error = 1;
            c->s.flush(m.get());
            for (auto& p : c->positions)
                p.offset =
                    cluster_.topics[c->topic].partitions[static_cast<size_t>(p.partition)].begin;
        }
    }

private:
    struct conversation final : endpoint {
        fake_exit& exit;
        stream s;
        uint8_t role;
        std::string topic;
        std::vector<weft_kafka_position> positions;
        bool told = false, over = false;
        uint32_t told_state = WEFT_KAFKA_OK;
        std::vector<int64_t> told_partitions;
        int64_t told_end = -1;
        std::vector<std::pair<uint64_t, int64_t>> answers;  // token, offset

        conversation(fake_exit& e, stream x, const meta_view<weft_kafka_begin>& m)
            : exit(e), s(x), role(m->role), topic(m.text(m->topic)) {
            for (const auto& p : m.list<weft_kafka_position>(m->positions)) positions.push_back(p);
            const std::lock_guard lock(e.cluster_.mutex);
            if (role == WEFT_KAFKA_META) ++e.cluster_.meta_streams;
            if (role == WEFT_KAFKA_FETCH) {
                follow(1);
                ++e.cluster_.fetch_streams;
                e.cluster_.last_fetch_offset = positions.at(0).offset;
            }
            if (role == WEFT_KAFKA_PRODUCE) s.window(1000);
        }
        void on_data(stream, const weft_data& d) override {
            const meta_view<weft_kafka_produce> m(d.h.meta);
            std::string value;
            for (const auto& x : slices(d)) value += text_of(x);
            int64_t offset = 0;
            {
                const std::lock_guard lock(exit.cluster_.mutex);
                auto& p = exit.cluster_.topics[topic].partitions[0];
                offset = p.next++;
                p.records.push_back({offset, std::string(m.text(m->key)), value, false, 1});
            }
            answers.emplace_back(m->token, offset);
            s.window(1000);
            exit.cluster_.wake();
        }
        void answer() {
            for (const auto& [token, offset] : std::exchange(answers, {})) {
                meta_writer<weft_kafka_produced> r;
                r->token = token;
                r->offset = offset;
                s.flush(r.get());
            }
        }
        void follow(int n) {
            for (const auto& p : positions) {
                if (p.end >= 0) continue;
                int& now = exit.cluster_.following[p.partition];
                now += n;
                exit.cluster_.following_max = std::max(exit.cluster_.following_max, now);
            }
        }
        void on_window(stream, const weft_window&) override { exit.serve(); }
        void on_end(stream, const weft_frame&) override { finish(); }
        void on_abort(stream, const weft_frame&) override { finish(); }
        void on_reset(stream, const weft_frame&) override { finish(); }
        void on_closed(stream) override {
            std::erase(exit.live_, this);
            delete this;
        }
        void finish() {
            if (over) return;
            over = true;
            if (role == WEFT_KAFKA_FETCH) {
                const std::lock_guard lock(exit.cluster_.mutex);
                follow(-1);
            }
            s.end();
            s.reset();
        }
    };

    void serve() {
        const std::lock_guard lock(cluster_.mutex);
        for (auto* c : live_) {
            if (c->over) continue;
            status(*c);
            if (!cluster_.reachable || !cluster_.topics.contains(c->topic)) continue;
            if (c->role == WEFT_KAFKA_META) meta(*c);
            if (c->role == WEFT_KAFKA_FETCH && cluster_.delivers) fetch(*c);
            if (c->role == WEFT_KAFKA_PRODUCE && cluster_.answers_produce) c->answer();
        }
    }
    void status(conversation& c) {
        const uint32_t state = !cluster_.reachable                  ? WEFT_KAFKA_UNREACHABLE
                               : !cluster_.topics.contains(c.topic) ? WEFT_KAFKA_NO_TOPIC
                                                                    : WEFT_KAFKA_OK;
        if (state == c.told_state) return;
        c.told_state = state;
        meta_writer<weft_kafka_status> m;
        m->state = state;
        m->text = m.text("trouble");
        c.s.flush(m.get());
    }
    void meta(conversation& c) {
        const auto& t = cluster_.topics[c.topic];
        std::vector<int64_t> now;
        for (const auto& p : t.partitions) now.push_back(p.leader);
        if (c.told && now == c.told_partitions) return;
        c.told = true;
        c.told_partitions = now;
        meta_writer<weft_kafka_partitions> m;
        m->cleanup = t.cleanup;
        m->cluster_id = m.text(cluster_.id);
        const weft_ref list = m.list<weft_kafka_partition>(t.partitions.size());
        for (size_t i = 0; i < t.partitions.size(); ++i) {
            const auto& p = t.partitions[i];
            m.item<weft_kafka_partition>(list, i) = {
                p.leader ? p.begin : -1, p.leader ? p.next : -1, static_cast<int32_t>(i), 0};
        }
        m->partitions = list;
        c.s.flush(m.get());
    }
    void fetch(conversation& c) {
        for (auto& at : c.positions) {
            const auto& p = cluster_.topics[c.topic].partitions[static_cast<size_t>(at.partition)];
            if (!p.leader) continue;
            for (const auto& r : p.records) {
                if (r.offset < at.offset) continue;
                if (r.value.size() > c.s.credit()) return;
                meta_writer<weft_kafka_record> m;
                m->offset = r.offset;
                m->partition = at.partition;
                m->timestamp_ms = r.timestamp_ms;
                m->key = m.text(r.key);
                if (r.null_value) m->flags = WEFT_KAFKA_NULL_VALUE;
                const weft_slice v{nullptr, reinterpret_cast<const uint8_t*>(r.value.data()),
                                   static_cast<uint32_t>(r.value.size()), 0};
                c.s.data(r.value.empty() ? std::span<const weft_slice>() : std::span(&v, 1),
                         m.get());
                at.offset = r.offset + 1;
            }
            if (at.offset < p.next && c.told_end != p.next) {  // the rest are control records
                c.told_end = p.next;
                meta_writer<weft_kafka_progress> m;
                const weft_ref list = m.list<weft_kafka_position>(1);
                m.item<weft_kafka_position>(list, 0) = {p.next, p.next, at.partition, 0};
                m->positions = list;
                c.s.flush(m.get());
            }
        }
    }

    fake_cluster& cluster_;
    worker worker_;
    std::vector<conversation*> live_;
};

inline void fake_cluster::wake() {
    const std::lock_guard lock(mutex);
    for (auto* e : exits) e->post_wake();
}

}  // namespace weft::kafka::test
