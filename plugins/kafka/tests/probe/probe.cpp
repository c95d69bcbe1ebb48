// The test binding `kafka-probe`: plays a neighbour of the kafka client and prints what it saw, one
// line per fact.
//
// do: produce    n records as fast as credit allows, or at `rate` per second; waits for every
// answer
//     fetch      the whole topic from the beginning, until n records came; with `beside` N streams
//     at the same time, each of what was there at first roundtrip  produces at `rate` for `seconds`
//     and fetches at the same time; counts, order per key, latencies meta       prints partitions
//     and statuses for `seconds`
//     offsets    prints what `group` has committed, then commits `records` times, from `offset` on,
//     `rate` a second, each until it succeeds
//
// Asked to move (DRAIN) it opens successors: metadata anew, records from the next offset, and what
// is produced goes to the next stream once everything sent is answered.
#include "schema.hpp"

#include <weft/plugin.hpp>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

namespace {

using namespace weft;

struct probe_options {
    std::string what, topic, group;
    uint64_t records = 1000, size = 100, rate = 0, seconds = 5, keys = 16, offset = UINT64_MAX,
             beside = 0;
    bool headers = true, hash_key = false, tombstones = false;
    uint64_t exit = 0;
};

double ms(uint64_t ns) {
    return static_cast<double>(ns) / 1e6;
}

struct latencies {
    std::vector<uint64_t> values;
    double at(double q) {
        if (values.empty()) return 0;
        std::sort(values.begin(), values.end());
        return ms(values[std::min(values.size() - 1,
                                  static_cast<size_t>(q * static_cast<double>(values.size())))]);
    }
};

class probe_instance;

struct link : endpoint {
    probe_instance& owner;
    const char* name;
    stream s;
    bool closed = false, moving = false;

    link(probe_instance& o, const char* n) : owner(o), name(n) {}
    void open(worker w, uint64_t exit, uint8_t role, const std::string& topic,
              const std::vector<weft_kafka_position>& positions = {},
              const std::string& group = {}) {
        meta_writer<weft_kafka_begin> m;
        m->role = role;
        if (!group.empty()) m->group = m.text(group);
        const weft_ref t = m.text(topic);
        m->topic = t;
        const weft_ref p = m.list_of(std::span<const weft_kafka_position>(positions));
        m->positions = p;
        closed = moving = false;
        s = w.open(exit, *this, m.get());
        s.window(1 << 20);
    }
    void move() {
        s.end();
        s.reset();
    }
    void on_data(stream, const weft_data& d) override;
    void on_flush(stream, const weft_flush& f) override;
    void on_window(stream, const weft_window&) override;
    void on_end(stream, const weft_frame&) override { s.end(); }
    void on_abort(stream, const weft_frame& f) override { gone(f); }
    void on_reset(stream, const weft_frame& f) override { gone(f); }
    void on_drain(stream, const weft_frame&) override;
    void on_closed(stream) override;
    void gone(const weft_frame& f) {
        const meta_view<weft_kafka_reset> r(f.meta);
        std::printf("%s over: %s\n", name, r ? std::string(r.text(r->text)).c_str() : "no reason");
        s.abort();
        s.reset();
    }
};

// A FETCH stream with an end.
struct range_link : link {
    uint64_t records = 0;
    size_t partitions;
    range_link(probe_instance& o, size_t n) : link(o, "range"), partitions(n) {}
    void on_data(stream, const weft_data&) override {
        ++records;
        s.window(1 << 20);
    }
    void on_flush(stream, const weft_flush& f) override;
};

class probe_instance : public instance {
public:
    probe_instance(worker w, const probe_options& o)
        : w_(w),
          o_(o),
          meta_(*this, "meta"),
          produce_(*this, "produce"),
          fetch_(*this, "fetch"),
          offsets_(*this, "offsets") {
        w_.ready(false, "scenario");
        start_ns_ = w_.now_ns();
        meta_.open(w_, o_.exit, WEFT_KAFKA_META, o_.topic);
        if (o_.what == "produce" || o_.what == "roundtrip")
            produce_.open(w_, o_.exit, WEFT_KAFKA_PRODUCE, o_.topic);
        if (o_.what == "offsets") open_offsets();
        if (o_.what == "produce") go();
        if (o_.what == "meta")
            timer_ = w_.timer_in_ms(o_.seconds * 1000, call<&probe_instance::done>, this);
    }
    ~probe_instance() override {
        if (timer_) w_.cancel(timer_);
    }
    endpoint* accept(stream, const weft_begin&) override { return nullptr; }
    void drain(uint32_t, uint64_t) override { end(); }

    void on_partitions(const meta_view<weft_kafka_partitions>& p) {
        const auto list = p.list<weft_kafka_partition>(p->partitions);
        std::printf("%8.1f ms partitions %zu cleanup %u cluster %s:", ms(w_.now_ns() - start_ns_),
                    list.size(), p->cleanup, std::string(p.text(p->cluster_id)).c_str());
        for (const auto& x : list)
            std::printf(" %d[%" PRId64 ",%" PRId64 ")", x.id, x.begin, x.next);
        std::printf("\n");
        std::fflush(stdout);
        if (fetching_ || (o_.what != "fetch" && o_.what != "roundtrip")) return;
        fetching_ = true;
        for (const auto& x : list) positions_.push_back({first_offset(x), -1, x.id, 0});
        fetch_.open(w_, o_.exit, WEFT_KAFKA_FETCH, o_.topic, positions_);
        auto ranges = positions_;
        for (size_t i = 0; i < ranges.size(); ++i) ranges[i].end = list[i].next;
        for (uint64_t i = 0; i < o_.beside; ++i) {
            ranges_.push_back(std::make_unique<range_link>(*this, ranges.size()));
            ranges_.back()->open(w_, o_.exit, WEFT_KAFKA_FETCH, o_.topic, ranges);
        }
        fetch_ns_ = w_.now_ns();
        if (o_.what == "roundtrip") go();
    }
    void on_status(const char* who, const meta_view<weft_kafka_status>& s) {
        std::printf("%8.1f ms %s status %u error %d: %s\n", ms(w_.now_ns() - start_ns_), who,
                    s->state, s->error, std::string(s.text(s->text)).c_str());
        std::fflush(stdout);
    }
    void on_produced(const meta_view<weft_kafka_produced>& p) {
        const auto it = sent_.find(p->token);
        if (it == sent_.end()) {
            std::printf("FAULT token %" PRIu64 " answered twice or never sent\n", p->token);
            return;
        }
        if (p->error == 0) {
            acked_.values.push_back(w_.now_ns() - it->second);
            ++by_partition_[p->partition];
        } else {
            ++errors_[std::to_string(p->error) + " " + std::string(p.text(p->text))];
        }
        sent_.erase(it);
        if (produce_.moving && sent_.empty()) produce_.move();
        check_done();
    }
    void open_offsets() { offsets_.open(w_, o_.exit, WEFT_KAFKA_OFFSETS, o_.topic, {}, o_.group); }
    void on_offsets(const meta_view<weft_kafka_offsets>& m) {
        if (ending_) return;
        if (timer_) w_.cancel(std::exchange(timer_, 0));
        if (m->token == 0) {
            std::printf("committed");
            for (const auto& p : m.list<weft_kafka_place>(m->places))
                std::printf(" %d:%" PRId64 "[%" PRId64 ",%" PRId64 ")", p.partition, p.offset,
                            p.begin, p.end);
            std::printf("\n");
            return commit();
        }
        committing_ = false;
        if (m->error == 0)
            ++commits_;
        else
            ++errors_[std::to_string(m->error) + " " + std::string(m.text(m->text))];
        if (offsets_.moving) return offsets_.move();
        timer_ = w_.timer_in_ms(o_.rate ? 1000 / o_.rate : 10, call<&probe_instance::commit>, this);
    }
    void commit() {
        timer_ = 0;
        if (offsets_.moving || committing_) return;
        if (commits_ == o_.records) {
            std::printf("commits %" PRIu64 "\n", commits_);
            return done();
        }
        meta_writer<weft_kafka_offsets> m;
        m->token = commits_ + 1;
        std::vector<weft_kafka_place> places;
        for (int32_t p = 0; p < 3; ++p)
            places.push_back({static_cast<int64_t>(o_.offset + commits_), -1, -1, p, 0});
        m->places = m.list_of(std::span<const weft_kafka_place>(places));
        committing_ = true;
        offsets_.s.flush(m.get());
    }
    void on_range(const range_link& r) {
        std::printf("range of %" PRIu64 " records\n", r.records);
        check_done();
    }
    void on_progress(const meta_view<weft_kafka_progress>& p) {
        for (const auto& x : p.list<weft_kafka_position>(p->positions)) {
            std::printf("progress of %d to %" PRId64 "\n", x.partition, x.offset);
            auto& next = next_[x.partition];
            next = std::max(next, x.offset);
        }
    }
    void on_drained(link& l) {
        if (ending_ || std::exchange(l.moving, true)) return;
        if (&l == &offsets_ ? !committing_ : &l != &produce_ || sent_.empty()) l.move();
    }
    void on_moved(const link& l) {
        ++moves_;
        if (&l == &meta_) meta_.open(w_, o_.exit, WEFT_KAFKA_META, o_.topic);
        if (&l == &offsets_) open_offsets();
        if (&l == &produce_) produce_.open(w_, o_.exit, WEFT_KAFKA_PRODUCE, o_.topic);
        if (&l != &fetch_) return;
        auto from = positions_;
        for (auto& p : from)
            if (const auto n = next_.find(p.partition); n != next_.end()) p.offset = n->second;
        fetch_.open(w_, o_.exit, WEFT_KAFKA_FETCH, o_.topic, from);
    }
    bool ending() const { return ending_; }
    void on_record(const meta_view<weft_kafka_record>& r, const weft_data& d) {
        ++seen_;
        seen_bytes_ += payload_size(d);
        auto& next = next_[r->partition];
        if (next > r->offset)
            std::printf("FAULT offset %" PRId64 " after %" PRId64 " in %d\n", r->offset, next - 1,
                        r->partition);
        next = r->offset + 1;
        const uint64_t token = check(r, d);
        if (o_.what == "roundtrip") {
            auto& last = last_[std::string(r.text(r->key))];
            if (token == last) ++duplicates_;
            if (token < last) ++reordered_;
            last = std::max(last, token);
            if (token <= sent_ns_.size() && token > 0)
                e2e_.values.push_back(w_.now_ns() - sent_ns_[token - 1]);
        }
        check_done();
    }
    void send_some() {
        if (produce_.moving) return;
        if (!going_ || w_.now_ns() < end_ns_ || end_ns_ == 0) {
            while (going_ && may_send()) {
                if (produce_.s.credit() < o_.size + produce_.s.padding()) return;
                send_one();
            }
        }
        check_done();
    }
    void on_link_closed() {
        if (ending_ && meta_.closed && produce_.closed && fetch_.closed && offsets_.closed &&
            !told_ &&
            std::all_of(ranges_.begin(), ranges_.end(), [](const auto& r) { return r->closed; })) {
            told_ = true;
            w_.ready(true);
        }
    }

private:
    int64_t first_offset(const weft_kafka_partition& p) const {
        if (o_.offset != UINT64_MAX) return static_cast<int64_t>(o_.offset);
        return o_.what == "fetch" ? int64_t{WEFT_KAFKA_OFFSET_BEGIN} : p.next;
    }
    // Compares a record with what send_one made of its token.
    uint64_t check(const meta_view<weft_kafka_record>& r, const weft_data& d) {
        const auto headers = r.list<weft_pair>(r->headers);
        if (!o_.headers || headers.size() != 3) return faults_ += o_.headers, 0;
        const uint64_t token =
            std::strtoull(std::string(r.text(headers[0].value)).c_str(), nullptr, 10);
        const bool good =
            r.text(headers[0].name) == "token" && r.text(headers[1].name) == "empty" &&
            r.has(headers[1].value) && r.text(headers[1].value).empty() &&
            r.text(headers[2].name) == "null" && !r.has(headers[2].value) &&
            r.text(r->key) == "client-" + std::to_string(token % o_.keys) && r->timestamp_ms > 0 &&
            ((r->flags & WEFT_KAFKA_NULL_VALUE) != 0) == o_.tombstones &&
            payload_size(d) == (o_.tombstones ? 0 : o_.size);
        faults_ += !good;
        return token;
    }
    void go() {
        going_ = true;
        go_ns_ = w_.now_ns();
        if (o_.what == "roundtrip") end_ns_ = go_ns_ + o_.seconds * 1'000'000'000;
        if (o_.rate) tick();
    }
    void tick() {
        timer_ = w_.timer_in_ms(1, call<&probe_instance::tick>, this);
        send_some();
        check_done();
    }
    bool may_send() const {
        if (end_ns_ != 0 ? w_.now_ns() >= end_ns_ : tokens_ >= o_.records) return false;
        return o_.rate == 0 || tokens_ < (w_.now_ns() - go_ns_) * o_.rate / 1'000'000'000;
    }
    void send_one() {
        const uint64_t token = ++tokens_;
        auto& m = produce_meta_;
        m.clear();
        m->token = token;
        m->timestamp_ms = static_cast<int64_t>(w_.wall_ms());
        m->partition = -1;
        const std::string key = "client-" + std::to_string(token % o_.keys);
        m->key = m.text(key);
        if (o_.hash_key) m->hash_key = m.text("client-1");
        if (o_.tombstones) m->flags = WEFT_KAFKA_NULL_VALUE;
        if (o_.headers) {
            const weft_ref list = m.list<weft_pair>(3);
            const weft_pair token_pair{m.text("token"), m.text(std::to_string(token))};
            const weft_pair empty{m.text("empty"), m.text("")};
            const weft_pair null{m.text("null"), {}};
            m.item<weft_pair>(list, 0) = token_pair;
            m.item<weft_pair>(list, 1) = empty;
            m.item<weft_pair>(list, 2) = null;
            m->headers = list;
        }
        uint8_t* bytes = nullptr;
        const bool empty = o_.tombstones || o_.size == 0;
        chunk c = empty ? chunk{} : w_.alloc(static_cast<uint32_t>(o_.size), bytes);
        if (bytes) std::memset(bytes, 'x', o_.size), c.truncate(static_cast<uint32_t>(o_.size));
        sent_[token] = w_.now_ns();
        if (o_.what == "roundtrip") sent_ns_.push_back(w_.now_ns());
        if (empty)
            produce_.s.data(std::span<const weft_slice>{}, m.get());
        else
            produce_.s.data(c.slice(), m.get());
    }
    void check_done() {
        if (ending_) return;
        if (o_.what == "produce" && going_ && tokens_ >= o_.records && sent_.empty()) {
            const double s = static_cast<double>(w_.now_ns() - go_ns_) / 1e9;
            std::printf("produced %zu in %.3f s: %.0f rec/s, ack p50 %.2f p99 %.2f ms\n",
                        acked_.values.size(), s, static_cast<double>(tokens_) / s, acked_.at(.5),
                        acked_.at(.99));
            for (const auto& [id, n] : by_partition_)
                std::printf("partition %d: %" PRId64 " records\n", id, n);
            done();
        }
        if (o_.what == "fetch" && seen_ >= o_.records &&
            std::all_of(ranges_.begin(), ranges_.end(),
                        [](const auto& r) { return r->partitions == 0; })) {
            const double s = static_cast<double>(w_.now_ns() - fetch_ns_) / 1e9;
            std::printf("fetched %" PRIu64 ", faults %" PRIu64
                        ", in %.3f s: %.0f rec/s, %.1f MB/s\n",
                        seen_, faults_, s, static_cast<double>(seen_) / s,
                        static_cast<double>(seen_bytes_) / s / 1e6);
            done();
        }
        if (o_.what == "roundtrip" && end_ns_ != 0 && w_.now_ns() >= end_ns_ && sent_.empty() &&
            seen_ >= acked_.values.size())
            done();
    }
    void done() {
        if (ending_) return;
        for (const auto& [e, n] : errors_)
            std::printf("error %s: %" PRIu64 " records\n", e.c_str(), n);
        if (moves_ != 0) std::printf("moved %" PRIu64 "\n", moves_);
        if (o_.what == "roundtrip")
            std::printf("sent %" PRIu64 " acked %zu seen %" PRIu64 " duplicates %" PRIu64
                        " reordered %" PRIu64 " faults %" PRIu64
                        " | ack p50 %.2f p99 %.2f ms | e2e p50 %.2f p99 %.2f ms\n",
                        tokens_, acked_.values.size(), seen_, duplicates_, reordered_, faults_,
                        acked_.at(.5), acked_.at(.99), e2e_.at(.5), e2e_.at(.99));
        std::fflush(stdout);
        end();
    }
    void end() {
        if (ending_) return;
        ending_ = true;
        going_ = false;
        if (timer_) w_.cancel(std::exchange(timer_, 0));
        for (link* l : {&meta_, &produce_, &fetch_, &offsets_}) {
            if (!l->s) l->closed = true;
            if (!l->closed) l->s.end();
        }
        for (const auto& r : ranges_) r->s.end();
        on_link_closed();
    }

    worker w_;
    const probe_options& o_;
    link meta_, produce_, fetch_, offsets_;
    std::vector<std::unique_ptr<range_link>> ranges_;
    std::vector<weft_kafka_position> positions_;  // where fetching began
    uint64_t moves_ = 0;
    meta_writer<weft_kafka_produce> produce_meta_;
    uint64_t start_ns_ = 0, go_ns_ = 0, end_ns_ = 0, fetch_ns_ = 0, timer_ = 0;
    uint64_t tokens_ = 0, seen_ = 0, seen_bytes_ = 0, duplicates_ = 0, reordered_ = 0, faults_ = 0;
    uint64_t commits_ = 0;
    bool committing_ = false;
    bool going_ = false, fetching_ = false, ending_ = false, told_ = false;
    std::unordered_map<uint64_t, uint64_t> sent_;
    std::vector<uint64_t> sent_ns_;
    std::map<std::string, uint64_t> errors_, last_;
    std::map<int32_t, int64_t> next_, by_partition_;
    latencies acked_, e2e_;
};

void link::on_data(stream, const weft_data& d) {
    const meta_view<weft_kafka_record> r(d.h.meta);
    if (r) owner.on_record(r, d);
    s.window(1 << 20);
}
void link::on_flush(stream, const weft_flush& f) {
    if (const meta_view<weft_kafka_partitions> p(f.h.meta); p) owner.on_partitions(p);
    if (const meta_view<weft_kafka_produced> p(f.h.meta); p) owner.on_produced(p);
    if (const meta_view<weft_kafka_offsets> p(f.h.meta); p) owner.on_offsets(p);
    if (const meta_view<weft_kafka_status> p(f.h.meta); p) owner.on_status(name, p);
    if (const meta_view<weft_kafka_progress> p(f.h.meta); p) owner.on_progress(p);
}
void range_link::on_flush(stream, const weft_flush& f) {
    const meta_view<weft_kafka_progress> p(f.h.meta);
    if (!p || partitions == 0) return;
    if (--partitions != 0) return;
    owner.on_range(*this);
}
void link::on_drain(stream, const weft_frame&) {
    owner.on_drained(*this);
}
void link::on_window(stream, const weft_window&) {
    owner.send_some();
}
void link::on_closed(stream) {
    closed = true;
    if (moving && !owner.ending()) return owner.on_moved(*this);
    owner.on_link_closed();
}

struct probe_binding : binding {
    probe_options o;
    std::unique_ptr<instance> attach(worker w) override {
        return std::make_unique<probe_instance>(w, o);
    }
};

struct probe_plugin {
    static constexpr const char* type = "kafka-probe";
    static constexpr const char* version = "0.1.0";
    static constexpr uint32_t kinds = WEFT_PROXY;
    static constexpr const char* schema = weft::schema_json;
    static constexpr const char* accepts[] = {nullptr};
    static constexpr const char* emits[] = {nullptr};

    std::unique_ptr<binding> create(binding_config c) {
        auto b = std::make_unique<probe_binding>();
        b->o.what = c.options.at("do");
        b->o.topic = c.options.at("topic");
        for (const auto& [key, field] :
             std::map<std::string, uint64_t probe_options::*>{{"records", &probe_options::records},
                                                              {"beside", &probe_options::beside},
                                                              {"offset", &probe_options::offset},
                                                              {"size", &probe_options::size},
                                                              {"rate", &probe_options::rate},
                                                              {"seconds", &probe_options::seconds},
                                                              {"keys", &probe_options::keys}})
            if (c.options.contains(key))
                b->o.*field = std::stoull(c.options[key].get<std::string>());
        b->o.group = c.options.value("group", std::string());
        b->o.hash_key = c.options.contains("hash_key");
        b->o.tombstones = c.options.contains("tombstones");
        b->o.headers = !c.options.contains("no_headers");
        b->o.exit = c.routes.at(0).exit;
        return b;
    }
};

}  // namespace

WEFT_PLUGIN(probe_plugin)
