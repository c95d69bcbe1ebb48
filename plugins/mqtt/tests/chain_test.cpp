// The real runtime with tcp, mqtt and a loopback provider: sockets in, sockets out. Needs no Kafka.
#include "decoder.hpp"
#include "encoder.hpp"
#include "hex.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <system_error>

namespace weft::mqtt {
namespace {

constexpr int patience_ms = 20'000;

sockaddr_in local(uint16_t port) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = htons(port);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
}

uint16_t free_port() {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in a = local(0);
    socklen_t n = sizeof a;
    bind(fd, reinterpret_cast<sockaddr*>(&a), sizeof a);
    getsockname(fd, reinterpret_cast<sockaddr*>(&a), &n);
    ::close(fd);
    return ntohs(a.sin_port);
}

// A running `weft start`, made once for all tests of this file.
class runtime {
public:
    runtime()
        : port_(free_port()),
          folder_(std::filesystem::temp_directory_path() /
                  ("weft-mqtt-chain-" + std::to_string(getpid()))) {
        std::filesystem::create_directories(folder_);
        std::ofstream(folder_ / "zilla.yaml")
            << "---\nname: chain\nbindings:\n"
            << "  tcp0: {type: tcp, kind: server, options: {host: 127.0.0.1, port: " << port_
            << "}, exit: mqtt0}\n"
            << "  mqtt0: {type: mqtt, kind: server, exit: loop0}\n"
            << "  loop0: {type: mqtt-loopback, kind: proxy}\n";
        pid_ = fork();
        if (pid_ == 0) {
            const std::string config = folder_ / "zilla.yaml";
            const std::string directory =
                "zilla.engine.directory=" + std::string(folder_ / "engine");
            setenv("WEFT_PLUGINS", WEFT_TEST_PLUGINS, 1);
            execl(WEFT_BINARY, "weft", "start", "-c", config.c_str(), "-w", "1", "-P",
                  directory.c_str(), static_cast<char*>(nullptr));
            _exit(127);
        }
        wait_until_listening();
    }
    ~runtime() {
        stop();
        std::filesystem::remove_all(folder_);
    }
    // The exit code after SIGTERM.
    int stop() {
        if (pid_ <= 0) return -1;
        kill(pid_, SIGTERM);
        int status = 0;
        waitpid(pid_, &status, 0);
        pid_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }
    uint16_t port() const { return port_; }

private:
    void wait_until_listening() {
        for (int i = 0; i < patience_ms / 20; ++i) {
            const int fd = socket(AF_INET, SOCK_STREAM, 0);
            const sockaddr_in a = local(port_);
            const bool up = connect(fd, reinterpret_cast<const sockaddr*>(&a), sizeof a) == 0;
            ::close(fd);
            if (up) return;
            int status = 0;
            if (waitpid(pid_, &status, WNOHANG) == pid_)
                throw std::runtime_error("weft ended at once");
            poll(nullptr, 0, 20);  // nothing to wait on: the port is not there yet
        }
        throw std::runtime_error("weft does not listen");
    }

    uint16_t port_;
    std::filesystem::path folder_;
    pid_t pid_ = -1;
};

std::unique_ptr<runtime> running;

// A socket, blocking, with patience.
class client {
public:
    explicit client(int receive_buffer = 0) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
        if (receive_buffer != 0)
            setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
        const timeval t{patience_ms / 1'000, 0};
        setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
        setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
        const sockaddr_in a = local(running->port());
        if (connect(fd_, reinterpret_cast<const sockaddr*>(&a), sizeof a) != 0)
            throw std::system_error(errno, std::generic_category(), "connect");
    }
    ~client() { ::close(fd_); }
    client(const client&) = delete;

    void send(std::string_view raw) {
        while (!raw.empty()) {
            const ssize_t n = ::send(fd_, raw.data(), raw.size(), MSG_NOSIGNAL);
            ASSERT_GT(n, 0);
            raw.remove_prefix(static_cast<size_t>(n));
        }
    }
    void send_hex(std::string_view text) { send(hex(text)); }
    // The next `n` bytes, fewer when the server closes.
    std::string read(size_t n) {
        std::string s(n, '\0');
        size_t got = 0;
        while (got < n) {
            const ssize_t k = recv(fd_, s.data() + got, n - got, 0);
            if (k <= 0) break;
            got += static_cast<size_t>(k);
        }
        s.resize(got);
        return s;
    }
    std::string read_hex(size_t n) { return to_hex(read(n)); }
    bool closed() {
        char c;
        return recv(fd_, &c, 1, 0) == 0;
    }
    void connect_v4(std::string_view id) {
        send(std::string(1, 0x10) + with_length(hex("0004 'MQTT' 04 02 003c 00") +
                                                static_cast<char>(id.size()) + std::string(id)));
        ASSERT_EQ(read_hex(4), "20 02 00 00");
    }

private:
    int fd_;
};

class chain_test : public ::testing::Test {
public:
    static void SetUpTestSuite() { running = std::make_unique<runtime>(); }
    static void TearDownTestSuite() {
        if (running) {
            EXPECT_EQ(running->stop(), 0) << "SIGTERM ends it in good order";
        }
        running.reset();
    }
};

TEST_F(chain_test, publishes_reach_subscribers_and_are_acknowledged) {
    client sub, pub;
    sub.connect_v4("sub");
    pub.connect_v4("pub");
    sub.send_hex("82 { 0001 0003 'a/+' 01 }");
    ASSERT_EQ(sub.read_hex(5), "90 03 00 01 01");
    pub.send_hex("32 { 0003 'a/b' 0007 'hello' } 30 { 0003 'a/b' 'zero' }");
    EXPECT_EQ(pub.read_hex(4), "40 02 00 07");
    EXPECT_EQ(to_hex(sub.read(14)), to_hex(hex("32 { 0003 'a/b' 0001 'hello' }")));
    sub.send_hex("40 02 0001");
    EXPECT_EQ(to_hex(sub.read(11)), to_hex(hex("30 { 0003 'a/b' 'zero' }")));
    sub.send_hex("a2 { 0002 0003 'a/+' }");
    EXPECT_EQ(sub.read_hex(4), "b0 02 00 02");
    sub.send_hex("e0 00");
    EXPECT_TRUE(sub.closed());
}

TEST_F(chain_test, refusals_reach_the_client_before_the_end) {
    for (auto [packet, answer] :
         {std::pair{"10 { 0004 'MQTT' 04 02 003c 0009 'refuse-88' }", "20 02 00 03"},
          {"10 { 0004 'MQTT' 04 00 003c 0000 }", "20 02 00 02"},
          {"10 { 0006 'MQIsdp' 03 02 003c 0001 'c' }", "20 02 00 01"}}) {
        client c;
        c.send(hex(packet) +
               std::string(10'000, 'x'));  // unread input must not turn the end into RST
        EXPECT_EQ(c.read_hex(4), answer);
        EXPECT_TRUE(c.closed());
    }
    client c;
    c.send_hex("10 { 0004 'MQTT' 05 02 003c 00 0001 'c' } ff 00");
    decoder d{role::server, packet_size_limit, version_5};
    packet p;
    std::string raw = c.read(100'000);  // to the end
    bytes in = as_bytes(raw);
    ASSERT_EQ(d.next(in, p), step::packet);
    EXPECT_EQ(p.type, packet_type::connack);
    ASSERT_EQ(d.next(in, p), step::packet);
    EXPECT_EQ(p.type, packet_type::disconnect);
    EXPECT_EQ(p.code, reason::malformed_packet);
}

TEST_F(chain_test, large_messages_pass_in_both_directions) {
    client sub, pub;
    sub.connect_v4("sub");
    pub.connect_v4("pub");
    sub.send_hex("82 { 0001 0003 'big' 00 }");
    ASSERT_EQ(sub.read(5).size(), 5u);
    std::string payload(900'000, ' ');
    for (size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<char>(i * 31 >> 3);
    const std::string message = std::string(1, 0x30) + with_length(hex("0003 'big'") + payload);
    pub.send(message);
    EXPECT_TRUE(sub.read(message.size()) == message);
}

TEST_F(chain_test, a_slow_reader_gets_everything_in_the_end) {
    client sub(4'096), pub;
    sub.connect_v4("sub");
    pub.connect_v4("pub");
    sub.send_hex("82 { 0001 0004 'slow' 00 }");
    ASSERT_EQ(sub.read(5).size(), 5u);
    const std::string message =
        std::string(1, 0x30) + with_length(hex("0004 'slow'") + std::string(50'000, 'x'));
    for (int i = 0; i < 100; ++i) pub.send(message);
    pub.send_hex("c0 00");
    EXPECT_EQ(pub.read_hex(2), "d0 00");
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(sub.read(message.size()) == message) << i;
}

TEST_F(chain_test, many_in_flight_come_back_in_order) {
    client pub;
    pub.connect_v4("pub");
    std::string all;
    for (int i = 1; i <= 5'000; ++i)
        all +=
            std::string(1, 0x32) +
            with_length(hex("0001 'a'") +
                        std::string{static_cast<char>(i >> 8), static_cast<char>(i)} + "payload");
    pub.send(all);
    for (int i = 1; i <= 5'000; ++i) {
        const std::string ack = pub.read(4);
        ASSERT_EQ(ack.size(), 4u);
        ASSERT_EQ(static_cast<uint8_t>(ack[2]) << 8 | static_cast<uint8_t>(ack[3]), i);
    }
}

TEST_F(chain_test, qos_2_takes_four_packets_in_both_directions) {
    client sub, pub;
    sub.connect_v4("sub");
    pub.connect_v4("pub");
    sub.send_hex("82 { 0001 0003 'two' 02 }");
    ASSERT_EQ(sub.read_hex(5), "90 03 00 01 02");
    pub.send_hex("34 { 0003 'two' 0007 'x' }");
    EXPECT_EQ(pub.read_hex(4), "50 02 00 07");
    pub.send_hex("62 02 0007");
    EXPECT_EQ(pub.read_hex(4), "70 02 00 07");
    EXPECT_EQ(to_hex(sub.read(10)), to_hex(hex("34 { 0003 'two' 0001 'x' }")));
    sub.send_hex("50 02 0001");
    EXPECT_EQ(sub.read_hex(4), "62 02 00 01");
    sub.send_hex("70 02 0001 c0 00");
    EXPECT_EQ(sub.read_hex(2), "d0 00");
}

TEST_F(chain_test, connections_come_and_go_in_every_state) {
    for (int i = 0; i < 200; ++i) {
        client c;
        if (i % 4 == 1) c.send_hex("10 20 0004 'MQ'");
        if (i % 4 >= 2) c.connect_v4("c" + std::to_string(i));
        if (i % 4 == 3)
            c.send_hex("82 { 0001 0001 '#' 01 } 32 { 0001 'a' 0001 'x' } 30 ff 01 0001");
    }
    client c;
    c.connect_v4("last");
    c.send_hex("c0 00");
    EXPECT_EQ(c.read_hex(2), "d0 00");
}

}  // namespace
}  // namespace weft::mqtt
