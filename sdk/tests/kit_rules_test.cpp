// Each rule of a stream, broken by a binding: the kit must say so, by the rule's name.
#include "kit_support.hpp"

#include <cstring>

namespace {

using kit::fixed;
using kit::play;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using weft::testing::contract_violation;

class kit_rules : public kit::kit_test {
protected:
    // The rules that `f` breaks on an open stream with 10 bytes of credit.
    std::vector<std::string> on_stream(const std::function<void(weft::stream)>& f) {
        weft::stream s;
        play.accept = [&](auto, weft::stream given, auto&) {
            s = given;
            s.begin();
            s.window(100);
            return true;
        };
        auto& client = host.run(weft_plugin_1).open();
        client.window(10);
        return on_instance([&] { f(s); }, client);
    }
    // Runs f inside of the instance, when it receives a CHALLENGE.
    std::vector<std::string> on_instance(const std::function<void()>& f, weft::testing::peer& p) {
        play.frame = [&](auto, auto, const weft_frame& frame) {
            if (frame.kind == WEFT_CHALLENGE) f();
        };
        auto rules = broken([&] { p.challenge(); });
        play.frame = nullptr;
        return rules;
    }
};

weft_data data_of(const weft_slice& s, uint32_t reserved, uint16_t flags = WEFT_INIT | WEFT_FIN) {
    weft_data d{};
    d.h = {sizeof d, WEFT_DATA, flags, 0, 0, nullptr};
    d.reserved = reserved;
    d.iovcnt = 1;
    d.iov = &s;
    return d;
}

TEST_F(kit_rules, a_violation_is_thrown_by_default) {
    play.accept = [](auto, weft::stream s, auto&) {
        s.begin();
        s.data(fixed("no credit"));
        return true;
    };
    auto& b = host.run(weft_plugin_1);
    try {
        b.open();
        FAIL() << "nothing was thrown";
    } catch (const contract_violation& v) {
        ASSERT_EQ(v.found().size(), 1u);
        EXPECT_EQ(v.found()[0].rule, "credit");
        EXPECT_EQ(v.found()[0].binding, "test:scripted");
    }
    host.finish();
}

TEST_F(kit_rules, the_binding_that_keeps_them_is_left_alone) {
    EXPECT_THAT(on_stream([](weft::stream s) {
                    s.data(fixed("0123456789"));
                    s.end();
                    s.end();  // a second END is ignored, so is RESET after RESET
                    s.abort();
                    s.reset();
                    s.reset();
                    s.window(1000);
                }),
                IsEmpty());
    EXPECT_NO_THROW(host.finish());
}

TEST_F(kit_rules, credit) {
    EXPECT_THAT(on_stream([](weft::stream s) { s.data(fixed("0123456789A")); }),
                ElementsAre("credit"));
}

TEST_F(kit_rules, credit_spent_in_pieces) {
    EXPECT_THAT(on_stream([](weft::stream s) {
                    s.data(fixed("012345"));
                    s.data(fixed("0123"));
                    s.data(fixed("0"));
                }),
                ElementsAre("credit"));
}

TEST_F(kit_rules, credit_of_a_flush) {
    EXPECT_THAT(on_stream([](weft::stream s) {
                    const weft_flush f{{sizeof f, WEFT_FLUSH, 0, 0, 0, nullptr}, 0, 0, 11, 0};
                    s.send(f.h);
                }),
                ElementsAre("credit"));
}

TEST_F(kit_rules, data_with_more_payload_than_it_reserves) {
    EXPECT_THAT(on_stream([](weft::stream s) {
                    const auto slice = fixed("0123");
                    s.send(data_of(slice, 3).h);
                }),
                ElementsAre("frame.reserved"));
}

TEST_F(kit_rules, order) {
    EXPECT_THAT(on_stream([](weft::stream s) { s.begin(); }), ElementsAre("frame.order"));
}

TEST_F(kit_rules, data_before_begin) {
    play.accept = [](auto, weft::stream s, auto&) {
        s.data(fixed("x"));
        return true;
    };
    auto& b = host.run(weft_plugin_1);
    EXPECT_THAT(broken([&] { b.open(); }), ElementsAre("frame.order"));
}

TEST_F(kit_rules, data_after_end) {
    EXPECT_THAT(on_stream([](weft::stream s) {
                    s.end();
                    s.data(fixed("x"));
                }),
                ElementsAre("frame.after-end"));
}

TEST_F(kit_rules, data_after_reset_is_ignored) {
    weft::stream s;
    play.accept = [&](auto, weft::stream given, auto&) {
        s = given;
        s.begin();
        return true;
    };
    auto& client = host.run(weft_plugin_1).open();
    client.window(10);
    EXPECT_THAT(broken([&] { client.reset(); }), IsEmpty());
    EXPECT_THAT(on_instance([&] { s.data(fixed("late")); }, client), IsEmpty());
}

TEST_F(kit_rules, kind) {
    EXPECT_THAT(on_stream([](weft::stream s) {
                    s.send({sizeof(weft_frame), 0x17, 0, 0, 0, nullptr});
                }),
                ElementsAre("frame.kind"));
}

TEST_F(kit_rules, size) {
    EXPECT_THAT(on_stream([](weft::stream s) {
                    const auto slice = fixed("x");
                    auto d = data_of(slice, 1);
                    d.h.size = sizeof(weft_frame);
                    s.send(d.h);
                }),
                ElementsAre("frame.size"));
}

TEST_F(kit_rules, messages) {
    EXPECT_THAT(on_stream([](weft::stream s) {
                    const auto slice = fixed("x");
                    s.send(data_of(slice, 1, WEFT_FIN).h);
                }),
                ElementsAre("frame.message"));
}

TEST_F(kit_rules, messages_within_messages) {
    EXPECT_THAT(on_stream([](weft::stream s) {
                    s.data(fixed("x"), nullptr, WEFT_INIT);
                    s.data(fixed("x"), nullptr, WEFT_INIT | WEFT_FIN);
                }),
                ElementsAre("frame.message"));
}

TEST_F(kit_rules, messages_in_pieces_are_fine) {
    EXPECT_THAT(on_stream([](weft::stream s) {
                    s.data(fixed("x"), nullptr, WEFT_INIT);
                    s.data(fixed("x"), nullptr, 0);
                    s.data(fixed("x"), nullptr, WEFT_FIN);
                    s.data(fixed("x"), nullptr, WEFT_INIT);
                    s.data(fixed("x"), nullptr, WEFT_INCOMPLETE);
                    s.end();
                }),
                IsEmpty());
}

TEST_F(kit_rules, metadata_that_is_no_block) {
    alignas(8) weft_meta m{12, 1, 16, 0};
    EXPECT_THAT(on_stream([&](weft::stream s) { s.flush(&m); }), ElementsAre("frame.meta"));
}

TEST_F(kit_rules, metadata_whose_fields_leave_the_block) {
    alignas(8) weft_meta m{16, 1, 24, 0};
    EXPECT_THAT(on_stream([&](weft::stream s) { s.end(&m); }), ElementsAre("frame.meta"));
}

TEST_F(kit_rules, window_that_acknowledges_too_much) {
    EXPECT_THAT(
        on_stream([](weft::stream s) {
            const weft_window w{{sizeof w, WEFT_WINDOW, 0, 0, 0, nullptr}, 1, 0, 100, 0, 0, 0};
            s.send(w.h);
        }),
        ElementsAre("window.acknowledge"));
}

TEST_F(kit_rules, window_that_takes_credit_back) {
    EXPECT_THAT(on_stream([](weft::stream s) { s.window(99); }), ElementsAre("window.shrinks"));
}

TEST_F(kit_rules, a_stream_after_its_on_closed) {
    weft::stream s;
    play.accept = [&](auto, weft::stream given, auto&) {
        s = given;
        s.begin();
        return true;
    };
    play.frame = [](auto, weft::stream x, const weft_frame& f) {
        if (f.kind == WEFT_END) x.end();
    };
    auto& b = host.run(weft_plugin_1);
    b.open().end();
    const weft::stream old = s;
    play.accept = [&](auto, auto, auto&) {
        old.end();
        return true;
    };
    EXPECT_THAT(broken([&] { b.open(); }), ElementsAre("stream.closed"));
}

TEST_F(kit_rules, a_stream_that_was_refused) {
    weft::stream s;
    play.accept = [&](auto, weft::stream given, auto&) {
        s = given;
        return false;
    };
    auto& b = host.run(weft_plugin_1);
    b.open();
    play.accept = [&](auto, auto, auto&) {
        s.end();
        return true;
    };
    EXPECT_THAT(broken([&] { b.open(); }), ElementsAre("stream.closed"));
}

TEST_F(kit_rules, open_without_functions) {
    play.accept = [&](weft::worker w, auto, auto&) {
        const weft_begin b{{sizeof b, WEFT_BEGIN, 0, 0, 0, nullptr}, 0, 0};
        weft::services.streams->open(w.handle(), play.exit, &b, nullptr, nullptr);
        return true;
    };
    auto& b = host.run(weft_plugin_1);
    EXPECT_THAT(broken([&] { b.open(); }), ElementsAre("stream.endpoint"));
}

TEST_F(kit_rules, an_exception_of_the_binding) {
    play.accept = [](auto, weft::stream s, auto&) {
        s.begin();
        return true;
    };
    play.frame = [](auto, auto, const weft_frame& f) {
        if (f.kind == WEFT_FLUSH) throw std::runtime_error("oh");
    };
    auto& client = host.run(weft_plugin_1).open();
    // The C++ layer catches it and logs, which the kit takes for what it is.
    EXPECT_THAT(broken([&] { client.flush(nullptr); }), ElementsAre("log.error"));
    EXPECT_TRUE(client.saw(WEFT_ABORT));
    EXPECT_TRUE(client.saw(WEFT_RESET));
}

TEST_F(kit_rules, a_script_of_the_test_may_throw_through_the_binding) {
    play.accept = [](auto, weft::stream s, auto&) {
        s.begin();
        return true;
    };
    play.frame = [](auto, weft::stream s, const weft_frame& f) {
        if (f.kind == WEFT_WINDOW) s.data(fixed("x"));
    };
    auto& client = host.run(weft_plugin_1).open();
    client.on_frame = [](auto&, const auto& f) {
        if (f.kind == WEFT_DATA) throw std::out_of_range("the test's own");
    };
    EXPECT_THROW(client.window(10), std::out_of_range);
    host.finish();
}

TEST_F(kit_rules, frames_without_end) {
    play.accept = [](auto, weft::stream s, auto&) {
        s.begin();
        s.window(1000);
        return true;
    };
    // The host outlives this test's own variables, and so does what was posted last.
    static std::function<void(weft::worker)> again;
    again = [](weft::worker x) {
        x.post([x] {
            if (again) again(x);
        });
    };
    play.frame = [&](weft::worker w, weft::stream, const weft_frame& f) {
        if (f.kind == WEFT_DATA) again(w);
    };
    auto& client = host.run(weft_plugin_1).open();
    EXPECT_THAT(broken([&] { client.send("x"); }), ElementsAre("turn.endless"));
    again = nullptr;
}

}  // namespace
