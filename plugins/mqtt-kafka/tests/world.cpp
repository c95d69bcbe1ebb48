#include "tests/world.hpp"

#include "engine/binding_runtime.hpp"
#include "engine/services.hpp"
#include "loader/plugin_library.hpp"
#include "worker/loop.hpp"

#include <chrono>
#include <deque>
#include <mutex>
#include <thread>

namespace weft::mqtt_kafka::test {

namespace {

class no_instance final : public instance {
    endpoint* accept(stream, const weft_begin&) override { return nullptr; }
};

// In place of the host's events, which lead to exporters: what the binding says, kept for the test.
class event_log {
public:
    event_log() { current_ = this; }
    ~event_log() { current_ = nullptr; }

    static const weft_events_vt* table() {
        static const weft_events_vt vt{sizeof vt, 0, emit,
                                       [](weft_worker*, int32_t, const char*) {}};
        return &vt;
    }
    bool has(const std::string& id, const std::string& part) {
        const std::lock_guard lock(mutex_);
        return std::any_of(events_.begin(), events_.end(), [&](const auto& e) {
            return e.first == id && e.second.find(part) != std::string::npos;
        });
    }

private:
    static void emit(weft_worker*, uint32_t, uint64_t, const char* id, const char* text) {
        const std::lock_guard lock(current_->mutex_);
        current_->events_.emplace_back(id, text);
    }
    static inline event_log* current_ = nullptr;
    std::mutex mutex_;
    std::vector<std::pair<std::string, std::string>> events_;
};

struct no_plugin {};
using table = detail::binding_table<no_plugin>;
const weft_binding_vt binding_vt{sizeof(weft_binding_vt),
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

instance* instance_in(weft_worker* w) {
    return static_cast<instance*>(w->self);
}

}  // namespace

class stage final : public loop_host {
public:
    stage(settings s, uint32_t workers) : settings_(std::move(s)) {
        weft_error e{};
        EXPECT_EQ(detail::bind_services(&host_handle_, services_.host_table(), &e), WEFT_OK);
        weft::services.events = event_log::table();
        mqtt.id = 1;
        kafka.id = 3;
        for (auto* b : {&mqtt, &kafka}) b->vt = &binding_vt;
        for (uint32_t i = 0; i < workers; ++i) loops.emplace_back(i, *this).start();
    }

    template <class Make>
    void attach(binding_runtime& b, uint32_t w, Make&& make) {
        auto made = std::make_unique<weft_worker>();
        made->loop = &loops[w];
        made->binding = &b;
        made->accepting_posts = true;
        weft_worker* handle = made.get();
        b.instances.push_back(std::move(made));
        loops[w].call([&] {
            loops[w].enter(handle, [&] {
                handle->self = static_cast<instance*>(make(worker{handle}));
                handle->attached = true;
            });
            loops[w].set_exit(b.id, handle);
        });
    }
    // One life of the binding, with holds of its own on what generations share.
    struct generation {
        binding_runtime runtime;
        explicit generation(const std::string& process)
            : registry(process), acks(process), hub(process) {}
        session_registry registry;
        acknowledged acks;
        share_hub hub;
    };
    int process = 0;  // generations of another one share nothing with those before
    void start_generation() {
        auto& g = *generations.emplace_back(std::make_unique<generation>(std::to_string(process)));
        g.runtime.id = 2;
        g.runtime.vt = &binding_vt;
        for (uint32_t w = 0; w < loops.size(); ++w)
            attach(g.runtime, w, [&](worker handle) {
                return new proxy(handle, settings_, g.registry, g.acks, g.hub);
            });
    }
    void end_generation(size_t i) {
        for (auto& w : generations[i]->runtime.instances) detach(*w);
        for (auto& l : loops) l.call([] {});
        generations[i].reset();
    }

    void run(binding_runtime& b, uint32_t w, const std::function<void()>& f) {
        loops[w].call([&] { loops[w].enter(b.instances[w].get(), f); });
        settle();
    }
    // Asks while every loop stands still: what is asked for belongs to one of them.
    bool while_all_rest(const std::function<bool()>& f, size_t w = 0) {
        if (w == loops.size()) return f();
        bool answer = false;
        loops[w].call([&] { answer = while_all_rest(f, w + 1); });
        return answer;
    }
    void settle() {
        for (int i = 0; i < 4; ++i)
            for (auto& l : loops) l.call([] {});
    }
    void stop() {
        // Streams to kafka are opened again when they are lost; on a busy machine that may come
        // between.
        const auto open = [&] {
            size_t n = 0;
            while_all_rest([&] {
                for (auto& l : loops) n += l.stream_count();
                return true;
            });
            return n;
        };
        for (int attempt = 0; attempt < 20 && (attempt == 0 || open() > 0); ++attempt) {
            for (auto& l : loops) l.call([&] { l.close_all(); });
            settle();
        }
        EXPECT_EQ(open(), 0u);
        for (auto& w : mqtt.instances) detach(*w);
        for (size_t i = 0; i < generations.size(); ++i)
            if (generations[i]) end_generation(i);
        for (auto& w : kafka.instances) detach(*w);
        for (auto& l : loops) l.call([] {});
        for (auto& l : loops) l.stop();
        EXPECT_THAT(violations_, testing::IsEmpty());
        events_.close();
    }

    binding_runtime mqtt, kafka;
    std::vector<std::unique_ptr<generation>> generations;
    std::deque<loop> loops;
    event_log log;

private:
    void at_rest(weft_worker*) override {}
    void violation(weft_worker*, const std::string& text) override { violations_.push_back(text); }

    static void detach(weft_worker& w) {
        w.loop->close_posts(&w);
        w.loop->call([&] {
            w.attached = false;
            w.loop->enter(&w, [&] { delete instance_in(&w); });
        });
        EXPECT_EQ(w.timers, 0u);
        EXPECT_EQ(w.buffers, 0u);
    }

    event_bus events_{false};
    service_host services_{events_};
    weft_host host_handle_{&services_, "test"};
    std::vector<std::string> violations_;
    const settings settings_;
};

world::world() {
    options = {{"topics",
                {{"sessions", "mqtt-sessions"},
                 {"messages", "mqtt-messages"},
                 {"retained", "mqtt-retained"}}},
               {"clients", {"place/{identity}/#"}}};
    routes = nlohmann::json::parse(R"([
        {"when": [{"publish": [{"topic": "place/+/device/#"}, {"topic": "device/#"}]},
                  {"subscribe": [{"topic": "place/+/device/#"}, {"topic": "device/#"}]}],
         "with": {"messages": "mqtt-devices"}, "exit": 3},
        {"when": null, "with": null, "exit": 3}])");
}
world::~world() = default;

void world::start(const std::function<void(fake_kafka&)>& prepare) {
    const nlohmann::json config{{"namespace", "n"},         {"name", "b"},
                                {"type", "mqtt-kafka"},     {"kind", "proxy"},
                                {"options", options},       {"routes", routes},
                                {"properties", properties}, {"engine", {{"workers", workers}}}};
    stage_ = std::make_unique<stage>(make_settings(binding_config::parse(config.dump().c_str())),
                                     workers);
    for (uint32_t w = 0; w < workers; ++w) {
        stage_->attach(stage_->kafka, w, [&](worker handle) {
            auto* k = new fake_kafka(handle);
            k->topic("mqtt-sessions").cleanup = WEFT_KAFKA_COMPACTED;
            k->topic("mqtt-retained").cleanup = WEFT_KAFKA_COMPACTED;
            if (prepare) prepare(*k);
            return k;
        });
        stage_->attach(stage_->mqtt, w, [](worker) { return new no_instance; });
    }
    stage_->start_generation();
    settle();
}

void world::TearDown() {
    if (stage_) stage_->stop();
}

void world::in_kafka(const std::function<void(fake_kafka&)>& f, uint32_t w) {
    stage_->run(stage_->kafka, w, [&] { f(kafka(w)); });
}
void world::in_proxy(const std::function<void(proxy&)>& f, uint32_t w) {
    in_generation(stage_->generations.size() - 1, f, w);
}
void world::in_generation(size_t generation, const std::function<void(proxy&)>& f, uint32_t w) {
    auto& runtime = stage_->generations[generation]->runtime;
    stage_->run(runtime, w,
                [&] { f(static_cast<proxy&>(*instance_in(runtime.instances[w].get()))); });
}

void world::replace(uint64_t deadline_ns) {
    const size_t old = stage_->generations.size() - 1;
    stage_->start_generation();
    for (uint32_t w = 0; w < workers; ++w)
        in_generation(
            old, [&](proxy& p) { p.drain(WEFT_DRAIN_REPLACE, deadline_ns); }, w);
}
bool world::nothing_left(size_t generation, uint32_t w) {
    const auto& i = *stage_->generations[generation]->runtime.instances[w];
    return i.streams == 0 && i.buffers == 0 && i.timers == 0 && i.tasks.load() == 0;
}
void world::unload(size_t generation) {
    stage_->end_generation(generation);
}
void world::crash() {
    for (uint32_t w = 0; w < workers; ++w) in_kafka([](fake_kafka& k) { k.cut_off(); }, w);
    ++stage_->process;
    stage_->start_generation();
    settle();
}
fake_client& world::connect_durable(const std::string& id, uint8_t flags, uint32_t expiry_s) {
    auto& c = new_client();
    c.session_expiry = expiry_s;
    connect(c, id, 65535, flags);
    return c;
}
std::optional<std::string> world::stored(const std::string& key) {
    std::optional<std::string> out;
    in_kafka([&](fake_kafka& k) {
        for (const auto& r : k.records("mqtt-sessions"))
            if (r.key == key) out = r.value;
    });
    return out;
}
uint64_t world::in_ms(uint64_t ms) {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return static_cast<uint64_t>(
               std::chrono::duration_cast<std::chrono::nanoseconds>(now).count()) +
           ms * 1'000'000;
}

void world::as(fake_client& c, const std::function<void(fake_client&)>& f) {
    for (const auto& [w, client] : clients_)
        if (client.get() == &c) stage_->run(stage_->mqtt, w, [&] { f(c); });
}

fake_client& world::new_client(uint32_t w) {
    clients_.emplace_back(w, std::make_unique<fake_client>());
    return *clients_.back().second;
}
fake_client& world::connect(const std::string& id, uint16_t receive_max, uint32_t w,
                            uint8_t flags) {
    auto& c = new_client(w);
    connect(c, id, receive_max, flags);
    return c;
}
void world::connect(fake_client& c, const std::string& id, uint16_t receive_max, uint8_t flags) {
    for (const auto& [w, client] : clients_)
        if (client.get() == &c)
            stage_->run(stage_->mqtt, w, [&] {
                c.connect(worker{stage_->mqtt.instances[w].get()}, proxy_id, id, receive_max,
                          flags);
            });
}
void world::subscribe(fake_client& c, const std::vector<filter_options>& filters, uint32_t id) {
    as(c, [&](fake_client& x) { x.subscribe(++packet_id_, filters, id); });
}
void world::publish(fake_client& c, const std::string& topic, const std::string& payload,
                    uint16_t id, const publish_options& o) {
    as(c, [&](fake_client& x) { x.publish(topic, payload, id, o); });
}

void world::until(const std::function<bool()>& done) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!stage_->while_all_rest(done)) {
        ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "waited in vain";
        settle();
        std::this_thread::yield();
    }
}
void world::settle() {
    stage_->settle();
}

fake_kafka& world::kafka(uint32_t w) {
    return static_cast<fake_kafka&>(*instance_in(stage_->kafka.instances[w].get()));
}

uint64_t world::metric_value(const std::string& name, uint32_t w) {
    const auto& m = stage_->generations.back()->runtime.instances[w]->metrics;
    const auto found = m.find(name);
    return found == m.end() ? 0 : found->second->value;
}
bool world::logged(const std::string& event, const std::string& part) {
    return stage_->log.has(event, part);
}

int64_t world::now_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

}  // namespace weft::mqtt_kafka::test
