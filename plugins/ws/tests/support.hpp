// The other end of a connection in tests: frames made and read by code of the tests' own.
#pragma once

#include "frame.hpp"

#include <weft/origin.hpp>
#include <weft/testing.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

extern "C" const weft_plugin* weft_plugin_1(void);

namespace weft::ws::tests {

using testing::peer;

inline const std::string key = "dGhlIHNhbXBsZSBub25jZQ==";
inline const std::string accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";  // RFC 6455, 1.3

inline std::string request(const std::string& protocol = "mqtt", const std::string& more = {}) {
    return "GET /mqtt HTTP/1.1\r\nHost: localhost:7114\r\nUpgrade: WebSocket\r\nConnection: "
           "keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " +
           key + "\r\n" + (protocol.empty() ? "" : "Sec-WebSocket-Protocol: " + protocol + "\r\n") +
           more + "\r\n";
}

struct made {
    bool fin = true, rsv1 = false, masked = true;
    uint8_t more_bits = 0;
    int length_bytes = 0;  // 0: as few as possible
};
inline std::string frame(uint8_t op, const std::string& payload, made m = {}) {
    std::string out;
    out += static_cast<char>((m.fin ? 0x80 : 0) | (m.rsv1 ? 0x40 : 0) | m.more_bits | op);
    const size_t n = payload.size();
    const int bytes = m.length_bytes ? m.length_bytes : n < 126 ? 1 : n < 65536 ? 2 : 8;
    const int mask = m.masked ? 0x80 : 0;
    out += static_cast<char>(mask | (bytes == 1 ? static_cast<int>(n) : bytes == 2 ? 126 : 127));
    for (int i = bytes - 1; bytes > 1 && i >= 0; --i) out += static_cast<char>(n >> 8 * i);
    if (!m.masked) return out + payload;
    const std::string mask_bytes = "\x12\x34\x56\x78";
    out += mask_bytes;
    for (size_t i = 0; i < n; ++i) out += static_cast<char>(payload[i] ^ mask_bytes[i % 4]);
    return out;
}
inline std::string close_frame(int code, const std::string& reason = {}, bool masked = true) {
    return frame(op_close,
                 std::string{static_cast<char>(code >> 8), static_cast<char>(code)} + reason,
                 {true, false, masked});
}

struct seen {
    int op = 0;
    bool fin = true, rsv1 = false, masked = false;
    std::string payload;
    int code() const {
        return payload.size() < 2
                   ? 0
                   : static_cast<uint8_t>(payload[0]) << 8 | static_cast<uint8_t>(payload[1]);
    }
};
// The frames in `bytes`, which must be whole.
inline std::vector<seen> frames(std::string bytes) {
    std::vector<seen> out;
    size_t at = 0;
    const auto number = [&](size_t n) {
        uint64_t v = 0;
        for (size_t i = 0; i < n; ++i) v = v << 8 | static_cast<uint8_t>(bytes.at(at++));
        return v;
    };
    while (at < bytes.size()) {
        seen f;
        const auto first = number(1), second = number(1);
        f.fin = first & 0x80;
        f.rsv1 = first & 0x40;
        f.op = static_cast<int>(first & 15);
        f.masked = second & 0x80;
        uint64_t n = second & 127;
        if (n == 126)
            n = number(2);
        else if (n == 127)
            n = number(8);
        std::string mask(4, '\0');
        if (f.masked)
            for (auto& c : mask) c = static_cast<char>(number(1));
        if (at + n > bytes.size()) throw std::runtime_error("a frame that is cut off");
        f.payload = bytes.substr(at, n);
        at += n;
        for (size_t i = 0; i < f.payload.size(); ++i)
            f.payload[i] = static_cast<char>(f.payload[i] ^ mask[i % 4]);
        out.push_back(f);
    }
    return out;
}
// The only frame in `bytes`.
inline seen only(const std::string& bytes) {
    const auto all = frames(bytes);
    EXPECT_EQ(all.size(), 1u);
    return all.empty() ? seen{} : all.front();
}

// A server whose exit the test plays.
class server_fixture : public ::testing::Test {
protected:
    testing::subject& server(const std::string& options = "{}",
                             const std::string& more = R"("properties": {})") {
        return host.run(weft_plugin_1,
                        R"({"kind": "server", "options": )" + options + ", " + more + "}");
    }
    // A client whose request was answered with 101, and the application behind it.
    struct both {
        peer &net, &app;
    };
    both connected(testing::subject& s, const std::string& protocol = "chat",
                   uint32_t app_window = 65536, const std::string& more = {}) {
        auto& net = s.open();
        net.keep_window(65536);
        net.send(request(protocol, more));
        auto& app = host.accepted();
        app.begin();
        answer = net.take_data();
        EXPECT_TRUE(answer.starts_with("HTTP/1.1 101 ")) << answer;
        if (app_window) app.keep_window(app_window);
        return {net, app};
    }
    // The peer gets a Close with this code, then the end of the connection.
    void expect_close(peer& net, int code) {
        const auto f = only(net.take_data());
        EXPECT_EQ(f.op, op_close);
        EXPECT_EQ(f.code(), code) << f.payload;
        EXPECT_TRUE(net.saw(WEFT_END)) << "the connection goes on";
    }

    testing::host host;
    std::string answer;
};

}  // namespace weft::ws::tests
