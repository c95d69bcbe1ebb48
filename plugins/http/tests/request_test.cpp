// The head of a request: what is read, and what is refused with which status.
#include "request.hpp"
#include "limits.hpp"

#include <gtest/gtest.h>

namespace {

using namespace weft::http;

std::string head(const std::string& fields, const std::string& line = "GET /mqtt?a=b HTTP/1.1") {
    return line + "\r\n" + fields + "\r\n";
}

request read(const std::string& text) {
    request r;
    refusal why;
    EXPECT_TRUE(parse_request(text, r, why)) << why.status << ' ' << why.text;
    return r;
}

int refused(const std::string& text) {
    request r;
    refusal why;
    return parse_request(text, r, why) ? -1 : why.status;
}

TEST(request, upgrade) {
    const auto r =
        read(head("Host: localhost:7114\r\nUpgrade: WebSocket\r\n"
                  "Connection: keep-alive, Upgrade\r\nX-A:  1 \r\n"));
    EXPECT_EQ(r.method, "GET");
    EXPECT_EQ(r.path, "/mqtt?a=b");
    EXPECT_EQ(r.authority, "localhost:7114");
    EXPECT_EQ(r.upgrade, "WebSocket");
    EXPECT_EQ(r.value("x-a"), "1");
    EXPECT_TRUE(r.keep_alive);
    EXPECT_FALSE(r.has_body);
}

TEST(request, upgrade_must_be_possible) {
    EXPECT_EQ(read(head("Host: a\r\nUpgrade: websocket\r\n")).upgrade, "") << "not in Connection";
    EXPECT_EQ(read(head("Host: a\r\nConnection: upgrade\r\nUpgrade: h2c\r\n")).upgrade, "");
    EXPECT_EQ(
        read(head("Host: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n", "GET / HTTP/1.0"))
            .upgrade,
        "");
}

TEST(request, keep_alive) {
    EXPECT_FALSE(read(head("Host: a\r\nConnection: CLOSE\r\n")).keep_alive);
    EXPECT_FALSE(read(head("", "GET / HTTP/1.0")).keep_alive);
    EXPECT_TRUE(read(head("Connection: keep-alive\r\n", "GET / HTTP/1.0")).keep_alive);
}

TEST(request, forms_of_the_target) {
    const auto r = read(head("Host: other\r\n", "GET http://a.b:80/c?d HTTP/1.1"));
    EXPECT_EQ(r.authority, "a.b:80");
    EXPECT_EQ(r.path, "/c?d");
    EXPECT_EQ(read(head("Host: a\r\n", "GET HTTP://a HTTP/1.1")).path, "/");
    EXPECT_EQ(read(head("Host: a\r\n", "GET http://a?q HTTP/1.1")).path, "/?q");
    EXPECT_EQ(read(head("Host: a\r\n", "OPTIONS * HTTP/1.1")).path, "*");
    EXPECT_EQ(refused(head("Host: a\r\n", "GET * HTTP/1.1")), 400);
    EXPECT_EQ(refused(head("Host: a\r\n", "GET ftp://a/ HTTP/1.1")), 400);
    EXPECT_EQ(refused(head("Host: a\r\n", "CONNECT a:1 HTTP/1.1")), 501);
}

TEST(request, host) {
    EXPECT_EQ(refused(head("")), 400);
    EXPECT_EQ(refused(head("Host: a\r\nHost: a\r\n")), 400);
    EXPECT_EQ(refused(head("Host: a, b\r\n")), 400);
    EXPECT_EQ(refused(head("Host: a/b\r\n")), 400);
    EXPECT_EQ(refused(head("Host: me@a\r\n")), 400);
}

TEST(request, body) {
    EXPECT_TRUE(read(head("Host: a\r\nContent-Length: 5\r\n")).has_body);
    EXPECT_FALSE(read(head("Host: a\r\nContent-Length: 0\r\n")).has_body);
}

// Everything that another server on the way could read differently (RFC 9112, 11.2).
TEST(request, smuggling) {
    const std::string h = "Host: a\r\n";
    EXPECT_EQ(refused(head(h + "Content-Length: 5\r\nContent-Length: 5\r\n")), 400);
    EXPECT_EQ(refused(head(h + "Content-Length: 5, 5\r\n")), 400);
    EXPECT_EQ(refused(head(h + "Content-Length: +5\r\n")), 400);
    EXPECT_EQ(refused(head(h + "Content-Length: 0x5\r\n")), 400);
    EXPECT_EQ(refused(head(h + "Content-Length: -1\r\n")), 400);
    EXPECT_EQ(refused(head(h + "Content-Length:\r\n")), 400);
    EXPECT_EQ(refused(head(h + "Content-Length: 99999999999999999999999\r\n")), 400);
    EXPECT_EQ(refused(head(h + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")), 400);
    EXPECT_EQ(refused(head(h + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n")), 400);
    EXPECT_EQ(refused(head(h + "Transfer-Encoding: chunked\r\n", "POST / HTTP/1.0")), 400);
    EXPECT_EQ(refused(head(h + "Transfer-Encoding: chunked\r\n", "POST / HTTP/1.1")), 501);
    EXPECT_EQ(refused(head(h + "Transfer-Encoding: xchunked\r\n")), 501);
    EXPECT_EQ(refused(head(h + "Content-Length : 5\r\n")), 400) << "space before the colon";
    EXPECT_EQ(refused(head(h + "X: a\r\n b\r\n")), 400) << "folded";
    EXPECT_EQ(refused(head(" X: a\r\n" + h)), 400) << "space before the first field";
    EXPECT_EQ(refused(head(h + "X: a\nY: b\r\n")), 400) << "LF alone";
    EXPECT_EQ(refused(head(h + "X: a\rY: b\r\n")), 400) << "CR alone";
    EXPECT_EQ(refused(head(h + std::string("X: a\0b\r\n", 8))), 400) << "NUL";
    EXPECT_EQ(refused(head(h + "X y: a\r\n")), 400);
    EXPECT_EQ(refused(head(h + ": a\r\n")), 400);
    EXPECT_EQ(refused("GET / HTTP/1.1\nHost: a\n\n"), 400);
}

TEST(request, versions_and_methods) {
    EXPECT_EQ(refused(head("Host: a\r\n", "GET / HTTP/2.0")), 505);
    EXPECT_EQ(refused(head("Host: a\r\n", "GET / HTTP/1.2")), 505);
    EXPECT_EQ(refused(head("Host: a\r\n", "GET /")), 400);
    EXPECT_EQ(refused(head("Host: a\r\n", "GET  / HTTP/1.1")), 400);
    EXPECT_EQ(refused(head("Host: a\r\n", "BREW / HTTP/1.1")), 501);
    EXPECT_EQ(refused("PRI * HTTP/2.0\r\n\r\n"), 0) << "no answer that HTTP/2 would understand";
}

TEST(request, limits) {
    const std::string h = "Host: a\r\n";
    EXPECT_EQ(refused(head(h, "GET /" + std::string(request_line_max, 'x') + " HTTP/1.1")), 414);
    EXPECT_EQ(refused(head(h + "X: " + std::string(head_size_max, 'x') + "\r\n")), 431);
    std::string many = h;
    for (size_t i = 0; i < field_count_max - 1; ++i) many += "X: 1\r\n";
    EXPECT_EQ(read(head(many)).fields.size(), field_count_max);
    EXPECT_EQ(refused(head(many + "X: 1\r\n")), 431);
}

TEST(request, end_of_the_head_is_found_however_it_is_cut) {
    const std::string text = head("Host: a\r\n") + "more";
    const size_t whole = text.size() - 4;
    size_t searched = 0;
    for (size_t n = 0; n <= text.size(); ++n) {
        const size_t size = head_size(std::string_view(text).substr(0, n), searched);
        EXPECT_EQ(size, n < whole ? 0 : whole) << n;
        searched = n < whole ? n : 0;
    }
}

}  // namespace
