// Time, posts, tasks, descriptors and what detach must not leave behind.
#include "kit_support.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <set>
#include <thread>

namespace {

using kit::play;
using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using weft::testing::refused;

class kit_worker : public kit::kit_test {
protected:
    weft::testing::subject& run() {
        play.attach = [this](weft::worker w) { here = w; };
        return host.run(weft_plugin_1);
    }
    weft::worker here;
};

void nothing(void*) {}
void count(void* n) {
    ++*static_cast<int*>(n);
}

TEST_F(kit_worker, timers_run_when_the_test_moves_the_clock) {
    run();
    std::vector<int> order;
    struct entry {
        std::vector<int>* order;
        int n;
        static void fire(void* ctx) {
            auto* e = static_cast<entry*>(ctx);
            e->order->push_back(e->n);
        }
    } first{&order, 1}, second{&order, 2}, third{&order, 3};
    here.timer_in_ms(20, entry::fire, &second);
    here.timer_in_ms(10, entry::fire, &first);
    const auto cancelled = here.timer_in_ms(30, entry::fire, &third);
    host.advance(9ms);
    EXPECT_THAT(order, IsEmpty());
    host.advance(1ms);
    EXPECT_THAT(order, ElementsAre(1));
    here.cancel(cancelled);
    host.advance(1h);
    EXPECT_THAT(order, ElementsAre(1, 2));
    host.finish();
}

TEST_F(kit_worker, posts_of_another_thread_run_on_the_test_s) {
    run();
    std::thread::id ran_on;
    std::thread other([&] { here.post([&] { ran_on = std::this_thread::get_id(); }); });
    EXPECT_TRUE(host.wait_for([&] { return ran_on != std::thread::id(); }));
    EXPECT_EQ(ran_on, std::this_thread::get_id());
    other.join();
    host.finish();
    EXPECT_FALSE(here.post([] {})) << "an instance that is detached takes no posts";
}

struct job {
    std::atomic<int>* worked;
    int* finished;
    std::thread::id* on;
    void work() {
        ++*worked;
        *on = std::this_thread::get_id();
    }
    void done() { ++*finished; }
};

TEST_F(kit_worker, tasks_run_where_the_test_wants_them) {
    std::atomic<int> worked = 0;
    int finished = 0;
    std::thread::id on;
    for (const auto mode :
         {weft::testing::task_mode::at_turn_end, weft::testing::task_mode::when_told,
          weft::testing::task_mode::on_threads}) {
        weft::testing::host h({.tasks = mode});
        play.attach = [&](weft::worker w) {
            EXPECT_TRUE(w.run(std::make_unique<job>(job{&worked, &finished, &on})));
        };
        const int before = finished;
        h.run(weft_plugin_1);
        if (mode == weft::testing::task_mode::when_told) {
            EXPECT_EQ(finished, before);
            EXPECT_EQ(h.run_tasks(), 1u);
        }
        EXPECT_TRUE(h.wait_for([&] { return finished == before + 1; }));
        EXPECT_EQ(on == std::this_thread::get_id(), mode != weft::testing::task_mode::on_threads);
        h.finish();
    }
    EXPECT_EQ(worked, 3);
}

TEST_F(kit_worker, descriptors_are_real) {
    run();
    int fds[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    uint32_t seen = 0;
    const auto watch = here.watch(
        fds[0], WEFT_READABLE, [](void* to, uint32_t e) { *static_cast<uint32_t*>(to) |= e; },
        &seen);
    ASSERT_NE(watch, 0u);
    host.poll_once();
    EXPECT_EQ(seen, 0u);
    ASSERT_EQ(::write(fds[1], "x", 1), 1);
    EXPECT_TRUE(host.wait_for([&] { return seen == WEFT_READABLE; }));
    here.cancel(watch);
    ::close(fds[0]);
    ::close(fds[1]);
    host.finish();
}

TEST_F(kit_worker, what_detach_leaves_behind) {
    auto& b = run();
    int fds[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    here.timer_in_ms(1, nothing, nullptr);
    here.watch(
        fds[0], WEFT_READABLE, [](void*, uint32_t) {}, nullptr);
    int listening = -1;
    ASSERT_NE(weft::services.listeners->lease(here.handle(), "::", 80, 8, &listening, nullptr), 0u);
    EXPECT_THAT(broken([&] { b.stop(); }), ElementsAre("leak.timer", "leak.watch", "leak.lease"));
    ::close(fds[0]);
    ::close(fds[1]);
    host.finish();
}

TEST_F(kit_worker, a_worker_that_is_used_after_detach) {
    auto& b = run();
    b.stop();
    EXPECT_THAT(broken([&] {
                    here.timer_in_ms(1, nothing, nullptr);
                    host.turn([] {});
                }),
                ElementsAre("worker.detached", "worker.detached"));  // now, and timer
    host.finish();
}

TEST_F(kit_worker, a_worker_that_is_used_from_another_thread) {
    run();
    std::thread([&] { here.timer_at(1, nothing, nullptr); }).join();
    EXPECT_THAT(broken([&] { host.turn([] {}); }), ElementsAre("thread"));
    host.finish();
}

TEST_F(kit_worker, a_timer_that_is_always_due) {
    run();
    struct again {
        weft::worker w;
        static void fire(void* ctx) {
            auto* a = static_cast<again*>(ctx);
            a->w.timer_at(a->w.now_ns(), fire, ctx);
        }
    } forever{here};
    here.timer_at(here.now_ns(), again::fire, &forever);
    EXPECT_THAT(broken([&] { host.advance(1ms); }), ElementsAre("turn.endless"));
    broken([&] { host.finish(); });
}

TEST_F(kit_worker, deferred_calls_run_at_the_end_of_the_turn) {
    run();
    int n = 0;
    host.turn([&] {
        here.defer(count, &n);
        EXPECT_EQ(n, 0);
    });
    EXPECT_EQ(n, 1);
    host.finish();
}

TEST_F(kit_worker, events_metrics_and_readiness_are_seen) {
    auto& b = run();
    here.counter("scripted.things").add(3);
    here.emit(WEFT_WARN, "binding.scripted.trouble", "there is some");
    here.ready(false, "a friend");
    EXPECT_EQ(b.metric("scripted.things"), 3u);
    EXPECT_TRUE(host.emitted("binding.scripted.trouble"));
    EXPECT_EQ(b.waits_for(), "a friend");
    EXPECT_THAT(broken([&] {
                    here.emit(WEFT_WARN, "Not Dotted", "x");
                    host.turn([] {});
                }),
                ElementsAre("event.id"));
    host.finish();
}

TEST_F(kit_worker, listening_sockets_outlive_a_generation) {
    auto& first = run();
    const auto one = here;
    int a = -1, b = -1, c = -1;
    weft_error e{};
    const auto lease = weft::services.listeners->lease(one.handle(), "::", 7, 8, &a, &e);
    ASSERT_NE(lease, 0u) << e.text;
    run();  // of the same name: the next generation
    const auto next = weft::services.listeners->lease(here.handle(), "::", 7, 8, &b, &e);
    ASSERT_NE(next, 0u) << e.text;
    EXPECT_NE(a, b);
    const uint16_t port = host.listening_port(7);
    weft::services.listeners->release(one.handle(), lease);
    first.stop();
    EXPECT_EQ(host.listening_port(7), port);
    play.attach = [&](weft::worker w) { here = w; };
    const auto keep = here;
    host.run(weft_plugin_1, R"({"name": "stranger"})");
    EXPECT_EQ(weft::services.listeners->lease(here.handle(), "::", 7, 8, &c, &e), 0u);
    EXPECT_EQ(e.code, WEFT_E_BUSY);
    weft::services.listeners->release(keep.handle(), next);
    host.finish();
}

TEST_F(kit_worker, shared_objects_and_their_leaks) {
    run();
    auto* h = weft::services.host;
    static int object = 0;
    const auto make = [](void*) -> void* { return &object; };
    const auto destroy = [](void* o) { ++*static_cast<int*>(o); };
    EXPECT_EQ(weft::services.shared->acquire(h, "k", 1, make, nullptr, destroy), &object);
    EXPECT_EQ(weft::services.shared->acquire(h, "k", 1, make, nullptr, destroy), &object);
    EXPECT_EQ(weft::services.shared->acquire(h, "k", 2, make, nullptr, destroy), nullptr);
    weft::services.shared->release(h, "k");
    EXPECT_EQ(object, 0);
    weft::services.shared->release(h, "k");
    EXPECT_EQ(object, 1);
    weft::services.shared->acquire(h, "k", 1, make, nullptr, destroy);
    EXPECT_THAT(broken([&] { host.finish(); }), ElementsAre("leak.shared"));
}

TEST_F(kit_worker, a_refusal_names_its_step) {
    play.attach = [](auto) { throw weft::config_error("/options/x", "no"); };
    try {
        host.run(weft_plugin_1);
        FAIL() << "nothing was thrown";
    } catch (const refused& r) {
        EXPECT_EQ(r.step(), "attach");
        EXPECT_EQ(r.path(), "/options/x");
        EXPECT_EQ(r.text(), "no");
        EXPECT_EQ(r.code(), WEFT_E_INVALID);
    }
    host.finish();
}

TEST_F(kit_worker, a_host_may_lack_services) {
    weft::testing::host poor({.without = {WEFT_BUFFERS}});
    EXPECT_THROW(poor.run(weft_plugin_1), refused);
    poor.finish();
    weft::testing::host modest({.without = {WEFT_TASKS, WEFT_METRICS}});
    play.attach = [](weft::worker w) { w.counter("scripted.none").add(); };
    modest.run(weft_plugin_1);
    modest.finish();
}

TEST_F(kit_worker, instances_on_several_workers) {
    weft::testing::host h({.workers = 3});
    std::set<uint32_t> attached, accepted;
    play.attach = [&](weft::worker w) { attached.insert(w.index()); };
    play.accept = [&](weft::worker w, auto, auto&) {
        accepted.insert(w.index());
        return true;
    };
    auto& b = h.run(weft_plugin_1);
    b.open(nullptr, 0, 2);
    EXPECT_THAT(attached, ElementsAre(0u, 1u, 2u));
    EXPECT_THAT(accepted, ElementsAre(2u));
    h.finish();
}

}  // namespace
