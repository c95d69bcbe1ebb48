// Streams between two scripted bindings on a real loop.
#include "engine/binding_runtime.hpp"
#include "engine/services.hpp"
#include "loader/plugin_library.hpp"
#include "worker/loop.hpp"

#include <weft/plugin.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <future>
#include <map>

namespace weft {
namespace {

using testing::ElementsAre;

// Writes down what it is told; tests script the answers.
struct recorder : endpoint {
    std::vector<std::string>* log;
    std::string name;
    std::function<void(stream, const weft_frame&)> react;
    bool throws = false;

    recorder(std::vector<std::string>* l, std::string n) : log(l), name(std::move(n)) {}

    void on_frame(stream s, const weft_frame& f) override {
        static const std::map<int, std::string> names{
            {WEFT_BEGIN, "begin"},   {WEFT_DATA, "data"},   {WEFT_END, "end"},
            {WEFT_ABORT, "abort"},   {WEFT_FLUSH, "flush"}, {WEFT_RESET, "reset"},
            {WEFT_WINDOW, "window"}, {WEFT_DRAIN, "drain"}};
        std::string line = name + " " + names.at(f.kind);
        if (f.kind == WEFT_DATA)
            for (const auto& x : slices(as<weft_data>(f))) line += " " + std::string(text_of(x));
        if (f.kind == WEFT_WINDOW) line += " " + std::to_string(s.credit());
        log->push_back(line);
        if (throws) throw std::runtime_error("on purpose");
        if (react) react(s, f);
    }
    void on_closed(stream) override { log->push_back(name + " closed"); }
};

struct scripted_instance : instance {
    std::function<endpoint*(stream, const weft_begin&)> on_accept;
    endpoint* accept(stream s, const weft_begin& b) override {
        return on_accept ? on_accept(s, b) : nullptr;
    }
};

struct test_plugin {};
using table = detail::binding_table<test_plugin>;

const weft_binding_vt vt{sizeof vt, WEFT_SERVER, "test",  "{}",          nullptr,      nullptr,
                         nullptr,   nullptr,     nullptr, table::accept, table::drain, nullptr};

class stream_test : public testing::Test, public loop_host {
protected:
    void SetUp() override {
        weft_error e{};
        weft_host* h = &host_handle_;
        ASSERT_EQ(detail::bind_services(h, services_.host_table(), &e), WEFT_OK);
        for (auto* b : {&near_, &far_}) {
            b->vt = &vt;
            auto w = std::make_unique<weft_worker>();
            w->loop = &loop_;
            w->binding = b;
            w->self = static_cast<instance*>(b == &near_ ? &near_instance_ : &far_instance_);
            w->attached = true;
            w->accepting_posts = true;
            b->instances.push_back(std::move(w));
        }
        near_.id = 1;
        far_.id = 2;
        loop_.start();
        loop_.call([this] {
            loop_.set_exit(1, near_.instances[0].get());
            loop_.set_exit(2, far_.instances[0].get());
        });
    }
    void TearDown() override { loop_.stop(); }

    void at_rest(weft_worker*) override {}
    void violation(weft_worker*, const std::string& text) override { violations_.push_back(text); }

    // Runs f as a call into the near binding, then waits for the turn to end.
    void in_near(const std::function<void(worker)>& f) {
        worker w{near_.instances[0].get()};
        loop_.call([&] { loop_.enter(w.handle(), [&] { f(w); }); });
        for (int i = 0; i < 3; ++i) loop_.call([] {});
    }
    // What one side saw: between instances no order is promised.
    std::vector<std::string> of(const std::string& name) const {
        std::vector<std::string> out;
        for (const auto& line : log_)
            if (line.starts_with(name + " ")) out.push_back(line);
        return out;
    }
    static weft_slice slice(const char* text) {
        return {nullptr, reinterpret_cast<const uint8_t*>(text),
                static_cast<uint32_t>(std::strlen(text)), 0};
    }

    std::vector<std::string> log_;
    std::vector<std::string> violations_;
    event_bus events_{false};
    service_host services_{events_};
    weft_host host_handle_{&services_, "test"};
    binding_runtime near_, far_;
    scripted_instance near_instance_, far_instance_;
    recorder opener_{&log_, "near"}, accepter_{&log_, "far"};
    loop loop_{0, *this};
};

TEST_F(stream_test, a_conversation_in_order) {
    far_instance_.on_accept = [&](stream s, const weft_begin&) {
        s.begin();
        s.window(100);
        accepter_.react = [](stream x, const weft_frame& f) {
            if (f.kind == WEFT_END) x.end();
        };
        return &accepter_;
    };
    opener_.react = [&](stream s, const weft_frame& f) {
        if (f.kind != WEFT_WINDOW) return;
        s.data(slice("hello"));
        s.data(slice("world"));
        s.end();
    };
    in_near([&](worker w) { w.open(2, opener_); });
    EXPECT_THAT(of("near"),
                ElementsAre("near begin", "near window 100", "near end", "near closed"));
    EXPECT_THAT(of("far"),
                ElementsAre("far data hello", "far data world", "far end", "far closed"));
    EXPECT_EQ(loop_.stream_count(), 0u);
    EXPECT_TRUE(violations_.empty());
}

TEST_F(stream_test, a_missing_exit_and_a_refusal_both_arrive_as_reset) {
    in_near([&](worker w) { w.open(77, opener_); });
    EXPECT_THAT(log_, ElementsAre("near reset", "near closed"));
    log_.clear();
    in_near([&](worker w) { w.open(2, opener_); });  // no on_accept: refused
    EXPECT_THAT(log_, ElementsAre("near reset", "near closed"));
    EXPECT_EQ(loop_.stream_count(), 0u);
}

TEST_F(stream_test, credit_is_state_and_a_flush_without_bytes_needs_none) {
    far_instance_.on_accept = [&](stream s, const weft_begin&) {
        s.window(10);
        s.window(30);  // merged: the sender sees one WINDOW
        return &accepter_;
    };
    stream near;
    in_near([&](worker w) {
        near = w.open(2, opener_);
        near.flush(nullptr);
    });
    EXPECT_THAT(log_, ElementsAre("far flush", "near window 30"));
    in_near([&](worker) {
        near.data(slice("12345"));
        EXPECT_EQ(near.credit(), 25u);
    });
    in_near([&](worker) { near.abort(), near.reset(); });
    EXPECT_EQ(log_.back(), "near closed");
}

TEST_F(stream_test, more_than_was_granted_breaks_the_stream_and_names_the_binding) {
    far_instance_.on_accept = [&](stream s, const weft_begin&) {
        s.begin();
        s.window(3);
        accepter_.react = [](stream x, const weft_frame& f) {
            if (f.kind == WEFT_ABORT) x.abort();
        };
        return &accepter_;
    };
    in_near([&](worker w) { w.open(2, opener_).data(slice("four")); });
    ASSERT_EQ(violations_.size(), 1u);
    EXPECT_EQ(violations_[0], "sent more than it was granted");
    EXPECT_EQ(loop_.stream_count(), 0u);
}

TEST_F(stream_test, a_busy_instance_is_not_entered_its_frames_wait_in_order) {
    int depth = 0, deepest = 0;
    stream far;
    far_instance_.on_accept = [&](stream s, const weft_begin&) {
        far = s;
        s.begin();
        s.window(1000);
        accepter_.react = [&](stream x, const weft_frame& f) {
            if (f.kind == WEFT_DATA) x.send(f);  // an echo from within the sender's own send
        };
        return &accepter_;
    };
    opener_.react = [&](stream s, const weft_frame& f) {
        deepest = std::max(deepest, ++depth);
        if (f.kind == WEFT_WINDOW) {
            s.data(slice("a"));
            s.data(slice("b"));
            log_.push_back("near sent");
        }
        --depth;
    };
    in_near([&](worker w) { w.open(2, opener_).window(1000); });
    EXPECT_EQ(deepest, 1);
    EXPECT_THAT(of("near"), ElementsAre("near begin", "near window 1000", "near sent",
                                        "near data a", "near data b"));
    in_near([&](worker) { far.abort(), far.reset(); });
    in_near([&](worker) {});
}

TEST_F(stream_test, an_exception_ends_its_stream_only) {
    far_instance_.on_accept = [&](stream s, const weft_begin&) {
        s.begin();
        s.window(10);
        accepter_.throws = true;
        return &accepter_;
    };
    opener_.react = [](stream s, const weft_frame& f) {
        if (f.kind == WEFT_WINDOW) s.data(slice("x"));
        if (f.kind == WEFT_RESET) s.reset();
    };
    in_near([&](worker w) { w.open(2, opener_); });
    EXPECT_THAT(log_, testing::IsSupersetOf({std::string("near abort"), std::string("near reset"),
                                             std::string("near closed")}));
    EXPECT_EQ(loop_.stream_count(), 0u);
}

TEST_F(stream_test, given_up_before_it_was_accepted) {
    far_instance_.on_accept = [&](stream s, const weft_begin&) {
        s.begin();
        accepter_.react = [](stream x, const weft_frame&) { x.abort(), x.reset(); };
        return &accepter_;
    };
    // Far is busy opening near's stream to itself, so accept waits in its inbox while near gives
    // up.
    worker far{far_.instances[0].get()};
    loop_.call([&] {
        loop_.enter(far.handle(), [&] {
            worker w{near_.instances[0].get()};
            loop_.enter(w.handle(), [&] {
                auto s = w.open(2, opener_);
                s.flush(nullptr);
                s.abort();
                s.reset();
            });
        });
    });
    loop_.call([] {});
    loop_.call([] {});
    EXPECT_THAT(log_, testing::UnorderedElementsAre("far flush", "far closed", "near closed"));
    EXPECT_EQ(loop_.stream_count(), 0u);
    EXPECT_EQ(near_.instances[0]->streams, 0u);
    EXPECT_EQ(far_.instances[0]->streams, 0u);
}

TEST_F(stream_test, queued_frames_keep_their_bytes) {
    stream near;
    std::string seen;
    far_instance_.on_accept = [&](stream x, const weft_begin&) {
        x.window(1000);
        accepter_.react = [&](stream, const weft_frame& f) {
            if (f.kind != WEFT_DATA) return;
            meta_view<weft_mqtt_publish> m(f.meta);
            seen = std::string(m.text(m->topic)) + "=" +
                   std::string(text_of(endpoint::as<weft_data>(f).iov[0]));
        };
        return &accepter_;
    };
    worker far{far_.instances[0].get()};
    in_near([&](worker w) { near = w.open(2, opener_); });
    loop_.call([&] {
        loop_.enter(far.handle(), [&] {  // far is busy: the frame is copied
            worker w{near_.instances[0].get()};
            loop_.enter(w.handle(), [&] {
                uint8_t* bytes = nullptr;
                auto c = w.alloc(5, bytes);
                std::memcpy(bytes, "bytes", 5);
                meta_writer<weft_mqtt_publish> m;
                m->topic = m.text("a/b");
                near.data(c.slice(), m.get());
                m.clear();
            });
        });
    });
    loop_.call([] {});
    EXPECT_EQ(seen, "a/b=bytes");
    in_near([&](worker) { near.abort(), near.reset(); });
    EXPECT_EQ(loop_.buffers().live(), 0u);
}

TEST_F(stream_test, timers_posts_watches_and_deferred_calls) {
    worker w{near_.instances[0].get()};
    std::vector<std::string> order;
    struct context {
        std::vector<std::string>* order;
        const char* what;
    } timer{&order, "timer"}, cancelled{&order, "cancelled"}, late{&order, "deferred"};
    auto note = [](void* c) {
        static_cast<context*>(c)->order->push_back(static_cast<context*>(c)->what);
    };
    loop_.call([&] {
        loop_.enter(w.handle(), [&] {
            w.timer_at(w.now_ns() + 1'000'000, note, &timer);
            const auto id = w.timer_at(w.now_ns() + 500'000, note, &cancelled);
            w.cancel(id);
            w.defer(note, &late);
            order.push_back("call");
        });
    });
    ASSERT_TRUE(w.post([&] { order.push_back("post"); }));
    std::promise<void> fired;
    loop_.call([&] {
        struct after {
            static void run(void* p) { static_cast<std::promise<void>*>(p)->set_value(); }
        };
        loop_.enter(w.handle(), [&] { w.timer_at(w.now_ns() + 2'000'000, after::run, &fired); });
    });
    fired.get_future().wait();
    loop_.call([] {});
    EXPECT_THAT(order, ElementsAre("call", "deferred", "post", "timer"));
    EXPECT_EQ(near_.instances[0]->timers, 0u);
    near_.instances[0]->accepting_posts = false;
    EXPECT_FALSE(w.post([] {}));
}

}  // namespace
}  // namespace weft
