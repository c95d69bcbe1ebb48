// Both cache kinds on real workers, between test streams and a Kafka in memory.
#pragma once

#include "engine/binding_runtime.hpp"
#include "engine/services.hpp"
#include "loader/plugin_library.hpp"
#include "worker/loop.hpp"

#include "cache/client.hpp"
#include "cache/server.hpp"
#include "cache/tests/fake_cluster.hpp"
#include "log/tests/support.hpp"

#include <gmock/gmock.h>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <functional>
#include <optional>
#include <thread>

namespace weft::kafka::test {

// What a reader of records was told. Lives on one worker.
struct collector : endpoint {
    struct item {
        int32_t partition;
        int64_t offset;
        std::string key, value;
        bool null_value;
    };
    stream s;
    uint32_t window = 1u << 20;
    bool grants = true;  // returns credit as records come
    std::vector<item> records;
    std::vector<std::map<int32_t, int64_t>> partitions;  // each list: id -> next
    std::vector<weft_kafka_position> progress;
    std::vector<uint32_t> statuses;
    std::vector<std::string> order;  // p list, r record, f progress, s status, e end
    std::vector<uint64_t> produced;
    std::string store;
    bool ended = false, refused = false, closed = false;

    void open(worker w, uint64_t exit, const weft_meta* m) {
        s = w.open(exit, *this, m);
        s.window(window);
    }
    void on_begin(stream, const weft_begin& b) override {
        const meta_view<weft_kafka_begin> m(b.h.meta);
        if (m) store = m.text(m->store);
    }
    void on_data(stream x, const weft_data& d) override {
        const meta_view<weft_kafka_record> m(d.h.meta);
        std::string value;
        for (const auto& sl : slices(d)) value += text_of(sl);
        records.push_back({m->partition, m->offset, std::string(m.text(m->key)), value,
                           (m->flags & WEFT_KAFKA_NULL_VALUE) != 0});
        order.push_back("r");
        if (grants) x.window(window);
    }
    void on_flush(stream, const weft_flush& f) override {
        if (const meta_view<weft_kafka_partitions> m(f.h.meta); m) {
            auto& list = partitions.emplace_back();
            for (const auto& p : m.list<weft_kafka_partition>(m->partitions)) list[p.id] = p.next;
            order.push_back("p");
        } else if (const meta_view<weft_kafka_progress> g(f.h.meta); g) {
            for (const auto& p : g.list<weft_kafka_position>(g->positions)) progress.push_back(p);
            order.push_back("f");
        } else if (const meta_view<weft_kafka_status> t(f.h.meta); t) {
            statuses.push_back(t->state);
            order.push_back("s");
        } else if (const meta_view<weft_kafka_produced> r(f.h.meta); r) {
            produced.push_back(r->token);
        }
    }
    void on_end(stream x, const weft_frame&) override {
        ended = true;
        order.push_back("e");
        x.end();
    }
    void on_abort(stream x, const weft_frame&) override { x.end(); }
    void on_reset(stream x, const weft_frame&) override {
        refused = true;
        x.end();
        x.reset();
    }
    void on_closed(stream) override { closed = true; }

    std::vector<std::string> values() const {
        std::vector<std::string> out;
        for (const auto& r : records) out.push_back(r.value);
        return out;
    }
};

struct history_query {
    std::string topic;
    std::vector<weft_kafka_position> positions = {};
    std::vector<std::string> levels = {}, keys = {};
    bool newest = false;
};

// Stand-ins for services that need a loaded plugin behind the binding.
struct test_services {
    static inline std::mutex mutex;
    static inline std::vector<std::string> events;  // ids
    static inline boost::asio::thread_pool* pool = nullptr;

    static bool heard(const std::string& id) {
        const std::lock_guard lock(mutex);
        return std::find(events.begin(), events.end(), id) != events.end();
    }
    static void emit(weft_worker*, uint32_t, uint64_t, const char* id, const char* text) {
        if (getenv("WEFT_TEST_EVENTS")) fprintf(stderr, "%s %s\n", id, text);
        const std::lock_guard lock(mutex);
        events.emplace_back(id);
    }
    static void ready(weft_worker*, int32_t is_ready, const char*) {
        if (is_ready) emit(nullptr, 0, 0, "ready", "");
    }
    static int32_t run(weft_worker* w, void (*work)(void*), void (*done)(void*), void* ctx) {
        w->tasks.fetch_add(1);
        boost::asio::post(*pool, [=] {
            work(ctx);
            w->loop->run_on([=] {
                w->tasks.fetch_sub(1);
                w->loop->enter(w, [&] { done(ctx); });
            });
        });
        return WEFT_OK;
    }
    static constexpr weft_events_vt events_table{sizeof(weft_events_vt), 0, emit, ready};
    static constexpr weft_tasks_vt tasks_table{sizeof(weft_tasks_vt), 0, run};
};

class no_instance final : public instance {
    endpoint* accept(stream, const weft_begin&) override { return nullptr; }
};

class world : public testing::Test, public loop_host {
protected:
    static constexpr uint64_t opener_id = 1, client_id = 2, server_id = 3, exit_id = 4;
    uint32_t workers = 2;
    temp_folder folder;
    fake_cluster cluster;
    cache_config config;

    world() {
        config.name = "n:server";
        config.directory = folder.path() + "/kafka/n.server";
        config.limits.reopen_min_ms = 1;
        config.limits.reopen_max_ms = 5;
        config.log.segment_bytes_first = 4096;
        config.log.segment_bytes = 16384;
        config.log.retention_ms = INT64_MAX / 2;  // the records of tests are from 1970
    }

    // The generations of a binding that live, the newest last. Ids are the kinds.
    struct generation {
        binding_runtime runtime;
        cache_config config;
    };

    void start() {
        weft_error e{};
        ASSERT_EQ(detail::bind_services(&host_handle_, services_.host_table(), &e), WEFT_OK);
        services.events = &test_services::events_table;
        services.tasks = &test_services::tasks_table;
        test_services::pool = &pool_;
        test_services::events.clear();
        loops_.clear();
        for (uint32_t i = 0; i < workers; ++i) loops_.emplace_back(i, *this).start();
        begin({exit_id, server_id, client_id, opener_id});
        settle();
    }
    // What the host does at a reload: new generations beside the old ones, exits first; then new
    // streams go to them; then the old ones are told. Another `build` stands for another plugin
    // file.
    void swap(const std::vector<uint64_t>& ids, const std::string& build = this_build()) {
        config.build = build;
        for (const uint64_t id : ids) retired_.push_back(live_.at(id));
        const size_t n = retired_.size() - ids.size();
        begin(ids);
        for (size_t i = n; i < retired_.size(); ++i) drain(*retired_[i], WEFT_DRAIN_REPLACE);
    }
    void drain(generation& g, uint32_t why) {
        for (auto& w : g.runtime.instances)
            w->loop->call([&] {
                w->loop->enter(w.get(),
                               [&] { static_cast<instance*>(w->self)->drain(why, UINT64_MAX); });
            });
    }
    generation& live(uint64_t id) { return *live_.at(id); }
    bool at_rest(const generation& g) {
        bool rest = true;
        for (const auto& w : g.runtime.instances)
            w->loop->call([&] { rest = rest && w->streams == 0 && w->buffers == 0; });
        for (const auto& w : g.runtime.instances) rest = rest && w->tasks.load() == 0;
        return rest;
    }
    // Waits until nothing is left in the old generations, then takes them away as the host does.
    void bury() {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        for (auto* g : retired_) {
            while (!at_rest(*g)) {
                ASSERT_LT(std::chrono::steady_clock::now(), deadline)
                    << "a generation of " << g->runtime.id
                    << " does not end: " << g->runtime.instances[0]->streams << " streams";
                std::this_thread::yield();
            }
            detach(*g);
        }
        for (auto* g : std::exchange(retired_, {}))
            std::erase_if(generations_, [&](const auto& x) { return x.get() == g; });
    }
    void stop() {
        if (loops_.empty()) return;
        for (const uint64_t id : {client_id, server_id})
            for (const auto& g : generations_)
                if (g->runtime.id == id) drain(*g, WEFT_DRAIN_STOP);
        settle();
        for (auto& l : loops_) l.call([&] { l.close_all(); });
        settle();
        for (auto& l : loops_) EXPECT_EQ(l.stream_count(), 0u);
        for (const auto& g : generations_) detach(*g);
        for (auto& l : loops_) l.call([] {});
        for (auto& l : loops_) l.stop();
        generations_.clear();
        retired_.clear();
        live_.clear();
        loops_.clear();
        EXPECT_THAT(violations_, testing::IsEmpty());
    }
    void TearDown() override {
        stop();
        events_.close();
    }

    template <class F>
    auto on(uint32_t w, F&& f) {
        using R = decltype(f());
        std::optional<std::conditional_t<std::is_void_v<R>, bool, R>> out;
        loops_[w].call([&] {
            loops_[w].enter(instance_of(opener_id, w), [&] {
                if constexpr (std::is_void_v<R>) {
                    f();
                } else {
                    out = f();
                }
            });
        });
        if constexpr (!std::is_void_v<R>) return std::move(*out);
    }
    template <class F>
    void in_exit(uint32_t w, F&& f) {
        loops_[w].call([&] {
            auto* exit = instance_of(exit_id, w);
            loops_[w].enter(
                exit, [&] { f(static_cast<fake_exit&>(*static_cast<instance*>(exit->self))); });
        });
    }
    template <class F>
    void until(uint32_t w, F&& done, const char* what = "") {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (!on(w, [&]() -> bool { return done(); })) {
            ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "waited in vain " << what;
            std::this_thread::yield();
        }
    }
    void settle() {
        for (int i = 0; i < 6; ++i)
            for (auto& l : loops_) l.call([] {});
    }

    worker opener(uint32_t w) { return worker{instance_of(opener_id, w)}; }
    collector& open(uint32_t w, const weft_meta* m, uint32_t window = 1u << 20, bool grants = true,
                    uint64_t exit = client_id) {
        auto& c = collectors_.emplace_back();
        c.window = window;
        c.grants = grants;
        on(w, [&] { c.open(opener(w), exit, m); });
        return c;
    }
    collector& open_role(uint32_t w, uint8_t role, const std::string& topic,
                         uint64_t exit = client_id) {
        meta_writer<weft_kafka_begin> m;
        m->role = role;
        m->topic = m.text(topic);
        return open(w, m.get(), 1u << 20, true, exit);
    }
    collector& tail(uint32_t w, const std::string& topic) {
        return open_role(w, WEFT_KAFKA_TAIL, topic);
    }
    collector& history(uint32_t w, const history_query& q, uint32_t window = 1u << 20,
                       bool grants = true) {
        meta_writer<weft_kafka_begin> m;
        m->role = WEFT_KAFKA_HISTORY;
        m->flags = q.newest ? static_cast<uint8_t>(WEFT_KAFKA_NEWEST_PER_KEY) : uint8_t{0};
        m->topic = m.text(q.topic);
        m->positions = m.list_of(std::span<const weft_kafka_position>(q.positions));
        const weft_ref list = m.list<weft_kafka_filter>(q.levels.size() + q.keys.size());
        for (size_t i = 0; i < q.levels.size() + q.keys.size(); ++i) {
            const bool levels = i < q.levels.size();
            const weft_ref text = m.text(levels ? q.levels[i] : q.keys[i - q.levels.size()]);
            m.item<weft_kafka_filter>(list, i) = {
                text, static_cast<uint32_t>(levels ? WEFT_KAFKA_KEY_LEVELS : WEFT_KAFKA_KEY_EQUALS),
                0};
        }
        m->filters = list;
        return open(w, m.get(), window, grants);
    }
    void end(uint32_t w, collector& c) {
        on(w, [&] {
            c.s.end();
            c.s.reset();
        });
        until(
            w, [&] { return c.closed; }, "for close");
    }

private:
    struct no_plugin {};
    using table = detail::binding_table<no_plugin>;

    weft_worker* instance_of(uint64_t id, uint32_t w) {
        return live_.at(id)->runtime.instances[w].get();
    }
    void violation(weft_worker*, const std::string& text) override { violations_.push_back(text); }
    void at_rest(weft_worker*) override {}  // asked for instead

    // Makes a generation of each, in this order, and then sends what is new there.
    void begin(const std::vector<uint64_t>& ids) {
        std::vector<generation*> made;
        for (const uint64_t id : ids) {
            auto& g = *generations_.emplace_back(std::make_unique<generation>());
            g.runtime.id = id;
            g.runtime.vt = &vt_;
            g.config = config;
            g.config.workers = workers;
            binding_config routes;
            routes.routes.push_back(
                {nullptr, nullptr, nullptr, id == client_id ? server_id : exit_id, {}});
            g.config.routes = topic_routes(routes);
            if (id == client_id) g.config.name = "n:client";
            for (uint32_t i = 0; i < workers; ++i) attach(g, i);
            made.push_back(&g);
        }
        for (auto& l : loops_)
            l.call([&] {
                for (auto* g : made)
                    l.set_exit(g->runtime.id, g->runtime.instances[l.index()].get());
            });
        for (auto* g : made) live_[g->runtime.id] = g;
    }
    void detach(generation& g) {
        for (auto& w : g.runtime.instances) {
            w->loop->close_posts(w.get());
            while (w->tasks.load() != 0) settle();
            w->loop->call([&] {
                w->attached = false;
                w->loop->enter(w.get(), [&] { delete static_cast<instance*>(w->self); });
            });
            EXPECT_EQ(w->timers, 0u) << g.runtime.id;
            EXPECT_EQ(w->watches, 0u) << g.runtime.id;
            EXPECT_EQ(w->buffers, 0u) << g.runtime.id;
        }
    }
    void attach(generation& g, uint32_t w) {
        auto made = std::make_unique<weft_worker>();
        made->loop = &loops_[w];
        made->binding = &g.runtime;
        made->accepting_posts = true;
        weft_worker* handle = made.get();
        g.runtime.instances.push_back(std::move(made));
        loops_[w].call([&] {
            loops_[w].enter(handle, [&] {
                instance* i = nullptr;
                const uint64_t id = g.runtime.id;
                if (id == exit_id) i = new fake_exit(cluster, worker{handle});
                if (id == server_id) i = new cache_server(g.config, worker{handle});
                if (id == client_id) i = new cache_client(g.config, worker{handle});
                if (id == opener_id) i = new no_instance;
                handle->self = i;
                handle->attached = true;
            });
        });
    }

    static constexpr weft_binding_vt vt_{sizeof(weft_binding_vt),
                                         WEFT_PROXY,
                                         "test",
                                         "{}",
                                         nullptr,
                                         nullptr,
                                         nullptr,
                                         nullptr,
                                         nullptr,
                                         table::accept,
                                         table::drain,
                                         nullptr};
    boost::asio::thread_pool pool_{2};
    event_bus events_{false};
    service_host services_{events_};
    weft_host host_handle_{&services_, "test"};
    std::vector<std::string> violations_;
    std::vector<std::unique_ptr<generation>> generations_;
    std::map<uint64_t, generation*> live_;
    std::vector<generation*> retired_;
    std::deque<loop> loops_;
    std::deque<collector> collectors_;
};

}  // namespace weft::kafka::test
