// What a connection does must not depend on how its bytes come or go: the same conversation cut at
// every place, into windows of a byte, and with every frame through the inbox.
#include "support.hpp"

#include <gtest/gtest.h>

namespace weft::ws::tests {
namespace {

struct conversation {
    const char* name;
    const char* protocol;
    std::string in;  // behind the request
};
[[maybe_unused]] void PrintTo(const conversation& c, std::ostream* o) {
    *o << c.name;
}
const conversation all_conversations[] = {
    {"mqtt", "mqtt",
     frame(op_binary, "pa", {false}) + frame(op_ping, "?") + frame(op_continuation, "cket") +
         frame(op_binary, std::string(300, 'x')) + close_frame(1000, "bye")},
    {"text", "chat",
     frame(op_text, "\u20ac", {false}) + frame(op_continuation, "") + frame(op_text, "") +
         frame(op_binary, "b") + frame(op_close, "")},
    {"not_utf8", "chat",
     frame(op_text,
           "\xff"
           "ab") +
         frame(op_binary, "never")},
    {"text_for_mqtt", "mqtt", frame(op_binary, "ok") + frame(op_text, "no")},
    {"not_masked", "chat", frame(op_binary, "ok") + frame(op_binary, "x", {true, false, false})},
    {"cut_off", "chat", frame(op_binary, "whole") + frame(op_binary, "cut off").substr(0, 9)},
};

// An application that echoes what credit allows, a byte of window at a time if need be.
class echoes {
public:
    echoes(testing::host& h, uint32_t window) {
        h.on_open = [this, window](peer& p) {
            p.on_frame = [this](peer& from, const testing::frame& f) {
                if (f.kind == WEFT_DATA) heard += f.payload, waiting_ += f.payload;
                if (f.kind == WEFT_END) heard += "<end>", over_ = true;
                if (f.kind == WEFT_ABORT) heard += "<abort>", over_ = true;
                pump(from);
            };
            p.begin();
            p.keep_window(window);
        };
    }
    std::string heard;

private:
    void pump(peer& p) {
        while (p.may_send() && !waiting_.empty() && p.credit() > p.padding()) {
            const auto n = std::min<size_t>(waiting_.size(), p.credit() - p.padding());
            p.send(std::exchange(waiting_, waiting_.substr(n)).substr(0, n));
        }
        if (over_ && p.may_send()) p.end();
    }
    std::string waiting_;
    bool over_ = false;
};

class windows : public ::testing::TestWithParam<conversation> {
protected:
    struct transcript {
        std::string heard, echoed, controls, end;
        bool operator==(const transcript&) const = default;
        friend void PrintTo(const transcript& t, std::ostream* o) {
            *o << "heard " << t.heard << " echoed " << t.echoed << " controls " << t.controls
               << t.end;
        }
    };
    static transcript run(size_t cut, size_t step, uint32_t window, bool queued) {
        testing::host host;
        auto& ws = host.run(weft_plugin_1, R"({"kind": "server"})");
        host.queue_everything(queued);
        echoes app(host, window);
        auto& net = ws.open();
        net.keep_window(window);
        const std::string all = request(GetParam().protocol) + GetParam().in;
        for (size_t at = 0; at < all.size() && net.may_send();) {
            const size_t n = cut && at < cut ? cut - at : std::min(step, all.size() - at);
            net.send(all.substr(at, n));
            at += n;
        }
        if (net.may_send()) net.end();
        transcript t;
        t.heard = app.heard;
        const auto bytes = net.take_data();
        const size_t head = bytes.find("\r\n\r\n") + 4;
        for (const auto& f : frames(bytes.substr(head)))
            if (f.op == op_close)
                t.controls += std::to_string(f.op) + ":" + f.payload + ";";
            else if (f.op == op_binary)
                t.echoed += f.payload;
        t.end = net.saw(WEFT_END) ? "<end>" : "<abort>";
        EXPECT_TRUE(net.closed());
        EXPECT_EQ(ws.streams(), 0u);
        EXPECT_EQ(ws.timers(), 0u);
        host.finish();
        return t;
    }
    // What a Close overtakes is not echoed: it depends on how much came at once.
    static void expect_same(const transcript& got, const transcript& whole,
                            const std::string& how) {
        EXPECT_EQ(got.heard, whole.heard) << how;
        EXPECT_EQ(got.controls, whole.controls) << how;
        EXPECT_EQ(got.end, whole.end) << how;
    }
    static constexpr size_t all_at_once = 100'000;
};
INSTANTIATE_TEST_SUITE_P(ws, windows, ::testing::ValuesIn(all_conversations),
                         [](const auto& i) { return std::string(i.param.name); });

TEST_P(windows, cut_anywhere) {
    const auto whole = run(0, all_at_once, 65536, false);
    EXPECT_FALSE(whole.heard.empty());
    const size_t size = request(GetParam().protocol).size() + GetParam().in.size();
    for (size_t cut = size - GetParam().in.size() - 5; cut < size && !HasFailure(); ++cut)
        expect_same(run(cut, all_at_once, 65536, false), whole, "cut at " + std::to_string(cut));
}

TEST_P(windows, byte_by_byte) {
    expect_same(run(0, 1, 65536, false), run(0, all_at_once, 65536, false), "bytes in");
}

TEST_P(windows, of_a_byte) {
    const auto whole = run(0, all_at_once, 65536, false);
    expect_same(run(0, all_at_once, 1, false), whole, "windows of a byte");
    expect_same(run(0, 1, 1, false), whole, "and bytes");
}

TEST_P(windows, through_the_inbox) {
    const auto whole = run(0, all_at_once, 65536, false);
    expect_same(run(0, all_at_once, 65536, true), whole, "queued");
    expect_same(run(0, 7, 3, true), whole, "queued, in pieces");
}

TEST(windows_of_the_network, are_those_of_the_application) {
    testing::host host;
    auto& ws = host.run(weft_plugin_1, R"({"kind": "server"})");
    auto& net = ws.open();
    net.window(1000);
    net.send(request("chat"));
    auto& app = host.accepted();
    app.begin();
    const auto used = net.take_data().size();
    EXPECT_GE(app.credit(), 1000 - used) << "what the network takes, or a little";
    const auto most = app.credit();
    app.send(std::string(most - app.padding(), 'x'));
    EXPECT_EQ(app.credit(), 0u) << "the network takes no more";
    net.window(5000);
    EXPECT_EQ(only(net.take_data()).payload.size(), most - app.padding());
    EXPECT_GT(app.credit(), 1000u);
    // What nobody reads stays bounded: the peer gets no more credit.
    size_t sent = 0;
    while (net.credit() > 0) {
        const auto n = std::min<size_t>(net.credit(), 1000);
        net.send(n > 20 ? frame(op_binary, std::string(n - 8, 'y')) : std::string(n, '\0'));
        sent += n;
        ASSERT_LT(sent, 200'000u);
    }
    app.expect_nothing();
    host.finish();
}

}  // namespace
}  // namespace weft::ws::tests
