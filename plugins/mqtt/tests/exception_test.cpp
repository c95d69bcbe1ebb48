// An exception in a plugin's C++ code ends the stream whose call threw, is logged, and does no
// more: what the SDK layer promises (weft/stream.hpp, weft/plugin.hpp).
#include "fake_host.hpp"

#include <weft/plugin.hpp>

#include <gmock/gmock.h>

namespace weft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct thrower : endpoint {
    enum class what : uint8_t { nothing, exception, something_else };
    what in_data = what::nothing, in_closed = what::nothing;
    int closed = 0, seen = 0;

    static void raise(what w) {
        if (w == what::exception) throw std::runtime_error("broken");
        if (w == what::something_else) throw 42;
    }
    void on_flush(stream, const weft_flush&) override {
        ++seen;
        raise(in_data);
    }
    void on_closed(stream) override {
        ++closed;
        raise(in_closed);
    }
};

struct throwing_instance : instance {
    endpoint* accept(stream, const weft_begin&) override { throw std::runtime_error("no room"); }
    void drain(uint32_t, uint64_t) override { throw std::runtime_error("cannot"); }
    void on_timer() { throw std::runtime_error("late"); }
};

struct no_plugin {};
using table = detail::binding_table<no_plugin>;

class exception_test : public ::testing::Test {
protected:
    exception_test() { host.log_to = &log; }

    weft_stream* stream_to(thrower& e) {
        weft_stream* s = host.new_stream();
        s->vt = endpoint::table();
        s->self = &e;
        return s;
    }
    static std::vector<uint16_t> kinds(const weft_stream* s) {
        std::vector<uint16_t> out;
        for (const auto& f : s->sent) out.push_back(f.kind);
        return out;
    }

    weft::testing::fake_host host;
    std::vector<std::string> log;
};

TEST_F(exception_test, ends_its_stream_and_no_other) {
    thrower bad, good;
    bad.in_data = thrower::what::exception;
    auto *a = stream_to(bad), *b = stream_to(good);
    host.deliver_flush(a, nullptr);
    EXPECT_THAT(kinds(a), ElementsAre(WEFT_ABORT, WEFT_RESET));
    EXPECT_EQ(bad.closed, 1) << "the last call comes as ever";
    EXPECT_THAT(log, ElementsAre(HasSubstr("test:peer, which ends it: broken")));
    host.deliver_flush(b, nullptr);
    EXPECT_EQ(good.seen, 1);
    EXPECT_THAT(kinds(b), ElementsAre());
}

TEST_F(exception_test, need_not_be_an_exception) {
    thrower bad;
    bad.in_data = thrower::what::something_else;
    auto* s = stream_to(bad);
    host.deliver_flush(s, nullptr);
    EXPECT_THAT(kinds(s), ElementsAre(WEFT_ABORT, WEFT_RESET));
    EXPECT_THAT(log, ElementsAre(HasSubstr("unknown exception")));
}

TEST_F(exception_test, in_the_last_call_is_logged) {
    thrower bad;
    bad.in_closed = thrower::what::exception;
    host.deliver_bare(stream_to(bad), WEFT_ABORT);
    host.streams.back().out_over = true;
    host.end_turn();
    EXPECT_EQ(bad.closed, 1);
    EXPECT_THAT(log, ElementsAre("broken"));
}

TEST_F(exception_test, in_accept_refuses_the_stream) {
    throwing_instance i;
    const weft_begin b{{sizeof b, WEFT_BEGIN, 0, 0, 0, nullptr}, 0, 0};
    const weft_endpoint_vt* vt = nullptr;
    void* self = nullptr;
    EXPECT_EQ(table::accept(static_cast<instance*>(&i), host.new_stream(), &b, &vt, &self),
              WEFT_E_INTERNAL);
    EXPECT_EQ(vt, nullptr);
    EXPECT_THAT(log, ElementsAre("accept: no room"));
}

TEST_F(exception_test, in_drain_and_in_a_timer_is_logged) {
    throwing_instance i;
    table::drain(static_cast<instance*>(&i), WEFT_DRAIN_REPLACE, UINT64_MAX);
    host.here().timer_in_ms(1, call<&throwing_instance::on_timer>, &i);
    host.advance_ms(1);
    EXPECT_THAT(log, ElementsAre("drain: cannot", "late"));
}

struct throwing_task {
    void work() { throw std::runtime_error("in the pool"); }
    void done() { throw 42; }
};

TEST_F(exception_test, in_a_task_is_logged_and_the_worker_is_told_all_the_same) {
    static const weft_tasks_vt at_once{
        sizeof at_once, 0,
        [](weft_worker*, void (*work)(void*), void (*done)(void*), void* ctx) -> int32_t {
            work(ctx);
            done(ctx);
            return WEFT_OK;
        }};
    services.tasks = &at_once;
    EXPECT_TRUE(host.here().run(std::make_unique<throwing_task>()));
    services.tasks = nullptr;
    EXPECT_THAT(log, ElementsAre("in the pool", "unknown exception in a task"));
}

}  // namespace
}  // namespace weft
