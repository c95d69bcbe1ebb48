// What a connection does must not depend on how its bytes come or go: every request here is cut at
// every place, answered into windows of one byte, and sent with every frame through the inbox.
#include <weft/testing.hpp>

#include <gmock/gmock.h>

#include <set>

extern "C" const weft_plugin* weft_plugin_1(void);

namespace {

using testing::StartsWith;
using weft::testing::frame;
using weft::testing::peer;

// Upgrades go to exit 1, /page to exit 2, /broken to exit 3, /refused to exit 4 which is not there,
// the rest nowhere.
constexpr const char* config = R"({"routes": [
    {"when": [{"headers": {"upgrade": "websocket"}}], "exit": 1},
    {"when": [{"headers": {":path": "/page"}}], "exit": 2},
    {"when": [{"headers": {":path": "/broken"}}], "exit": 3},
    {"when": [{"headers": {":path": "/refused"}}], "exit": 4}]})";
constexpr uint64_t echo_exit = 1, broken_exit = 3, refused_exit = 4;

struct exchange_case {
    const char* name;
    std::string request;
    const char* answer;  // its beginning
};
[[maybe_unused]] void PrintTo(const exchange_case& c, std::ostream* o) {
    *o << c.name;
}

const std::string host_field = "\r\nHost: localhost:7114";
const exchange_case all_cases[] = {
    {"upgrade",
     "GET /mqtt HTTP/1.1" + host_field +
         "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nearly bird",
     "HTTP/1.1 101 Switching Protocols\r\nx: y\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n"
     "early bird"},
    {"page", "GET /page HTTP/1.1" + host_field + "\r\n\r\n",
     "HTTP/1.1 200 OK\r\nx: y\r\nconnection: close\r\n\r\nbody"},
    {"page_after_refusals",
     "\r\nGET /a HTTP/1.1" + host_field + "\r\n\r\nGET /b HTTP/1.1" + host_field +
         "\r\n\r\nGET /page HTTP/1.1" + host_field + "\r\n\r\n",
     "HTTP/1.1 404 Not Found\r\n"},
    {"exit_breaks", "GET /broken HTTP/1.1" + host_field + "\r\n\r\n", "HTTP/1.1 502 "},
    {"exit_refuses", "GET /refused HTTP/1.1" + host_field + "\r\n\r\n", "HTTP/1.1 404 "},
    {"exit_refuses_upgrade",
     "GET /refused HTTP/1.1" + host_field + "\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
     "HTTP/1.1 404 "},
    {"no_host", "GET /page HTTP/1.1\r\n\r\n", "HTTP/1.1 400 "},
    {"two_hosts", "GET /page HTTP/1.1" + host_field + host_field + "\r\n\r\n", "HTTP/1.1 400 "},
    {"blank_before_colon", "GET /page HTTP/1.1\r\nHost : a\r\n\r\n", "HTTP/1.1 400 "},
    {"folded_field", "GET /page HTTP/1.1" + host_field + "\r\nA: b\r\n c\r\n\r\n", "HTTP/1.1 400 "},
    {"wrong_version", "GET /page HTTP/3.0" + host_field + "\r\n\r\n", "HTTP/1.1 505 "},
    {"body", "POST /page HTTP/1.1" + host_field + "\r\nContent-Length: 5\r\n\r\nhello",
     "HTTP/1.1 501 "},
    {"http_2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ""},
    {"cut_off", "GET /page HT", ""},
};

// What both sides of one connection saw of it.
struct transcript {
    std::string client, exits;
    bool operator==(const transcript&) const = default;
};
[[maybe_unused]] void PrintTo(const transcript& t, std::ostream* o) {
    *o << "client:\n" << t.client << "\nexits:\n" << t.exits;
}

// Exits that answer: one echoes through its tunnel, one has a page, one breaks.
class answering_exits {
public:
    explicit answering_exits(weft::testing::host& h) {
        h.on_open = [this](peer& p) { serve(p); };
    }
    std::string heard;

private:
    void serve(peer& p) {
        heard += "exit " + std::to_string(p.exit()) + "\n";
        const auto m = p.opened_with().as<weft_http_begin>();
        for (const auto& f : m.list<weft_pair>(m->headers))
            heard += std::string(m.text(f.name)) + "=" + std::string(m.text(f.value)) + "\n";
        if (p.exit() == broken_exit) return p.abort();
        weft::meta_writer<weft_http_begin> head;
        head->headers = head.list<weft_pair>(2);
        const auto set = [&](size_t i, const char* name, const char* value) {
            const auto n = head.text(name), v = head.text(value);
            head.item<weft_pair>(head->headers, i) = {n, v};
        };
        const bool echoes = p.exit() == echo_exit;
        set(0, ":status", echoes ? "101" : "200");
        set(1, "x", "y");
        p.begin(head.get());
        waiting_ = echoes ? "" : "body";
        ends_ = !echoes;
        p.on_frame = [this](peer& from, const frame& f) {
            if (f.kind == WEFT_DATA) heard += f.payload, waiting_ += f.payload;
            if (f.kind == WEFT_END) heard += "\nend", ends_ = true;
            pump(from);
        };
        p.keep_window(1);
        pump(p);
    }
    void pump(peer& p) {
        if (!p.may_send()) return;
        const auto n = std::min<size_t>(waiting_.size(), p.credit());
        if (n) p.send(std::exchange(waiting_, waiting_.substr(n)).substr(0, n));
        if (ends_ && waiting_.empty() && p.may_send()) p.end();
    }
    std::string waiting_;
    bool ends_ = false;
};

class http_plugin : public testing::TestWithParam<exchange_case> {
protected:
    static transcript run(const std::set<size_t>& cuts, uint32_t window = 65536,
                          bool queued = false) {
        weft::testing::host host;
        auto& http = host.run(weft_plugin_1, config);
        host.queue_everything(queued);
        host.refuse_exit(refused_exit);
        answering_exits exits(host);
        auto& client = http.open();
        client.keep_window(window);
        const std::string_view all = GetParam().request;
        size_t from = 0;
        for (const size_t cut : cuts) {
            if (!client.may_send()) break;
            client.send(all.substr(from, cut - from));
            from = cut;
        }
        if (client.may_send()) client.send(all.substr(from));
        if (client.may_send()) client.end();
        EXPECT_TRUE(client.closed());
        EXPECT_EQ(http.streams(), 0u);
        EXPECT_EQ(http.timers(), 0u);
        transcript out{client.take_data(), exits.heard};
        out.client += client.saw(WEFT_END) ? "<end>" : "<abort>";
        host.finish();
        return out;
    }
    static transcript whole() {
        auto t = run({});
        EXPECT_THAT(t.client, StartsWith(GetParam().answer));
        return t;
    }
};
INSTANTIATE_TEST_SUITE_P(exchange, http_plugin, testing::ValuesIn(all_cases),
                         [](const auto& i) { return std::string(i.param.name); });

TEST_P(http_plugin, in_two_pieces_cut_anywhere) {
    const auto expected = whole();
    for (size_t cut = 1; cut < GetParam().request.size() && !HasFailure(); ++cut)
        EXPECT_EQ(run({cut}), expected) << "cut at " << cut;
}

TEST_P(http_plugin, byte_by_byte) {
    std::set<size_t> cuts;
    for (size_t i = 1; i < GetParam().request.size(); ++i) cuts.insert(i);
    EXPECT_EQ(run(cuts), whole());
}

TEST_P(http_plugin, to_a_client_that_reads_byte_by_byte) {
    EXPECT_EQ(run({}, 1), whole());
}

TEST_P(http_plugin, with_every_frame_through_the_inbox) {
    EXPECT_EQ(run({}, 65536, true), whole());
}

}  // namespace
