#include "cli/control_client.hpp"

#include "cli/control_socket.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace weft::cli {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// The metrics of a large configuration fit many times.
constexpr size_t answer_size_max = 16u << 20;

bool readable(int fd, steady_clock::time_point deadline) {
    for (;;) {
        const auto left =
            std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now()).count();
        pollfd p{fd, POLLIN, 0};
        const int n = ::poll(&p, 1, static_cast<int>(std::max<decltype(left)>(left, 0)));
        if (n > 0) return true;
        if (n == 0 || errno != EINTR) return false;
    }
}

}  // namespace

std::optional<control_client> control_client::connect(const std::string& directory) {
    try {
        const control_address address(directory);
        control_client client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        if (client.fd_ >= 0 && ::connect(client.fd_, address.get(), address.size()) == 0)
            return client;
    } catch (const std::system_error&) {
        return std::nullopt;  // no such directory
    }
    return std::nullopt;
}

control_client::control_client(control_client&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)) {}

control_client::~control_client() {
    if (fd_ >= 0) ::close(fd_);
}

nlohmann::json control_client::request(const nlohmann::json& body, milliseconds timeout) {
    const auto deadline = steady_clock::now() + timeout;
    const std::string line = body.dump() + "\n";
    if (::send(fd_, line.data(), line.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(line.size()))
        throw control_error("the running instance does not take the request");
    std::string in;
    char chunk[4096];
    while (in.empty() || in.back() != '\n') {
        if (!readable(fd_, deadline)) throw control_error("the running instance does not answer");
        const ssize_t n = ::recv(fd_, chunk, sizeof chunk, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) throw control_error("the running instance ended");
        in.append(chunk, static_cast<size_t>(n));
        if (in.size() > answer_size_max) throw control_error("the answer is too long");
    }
    try {
        return nlohmann::json::parse(in);
    } catch (const nlohmann::json::exception& e) {
        throw control_error(std::string("the answer is no JSON: ") + e.what());
    }
}

bool control_client::wait_closed(milliseconds timeout) {
    const auto deadline = steady_clock::now() + timeout;
    char chunk[256];
    while (readable(fd_, deadline)) {
        const ssize_t n = ::recv(fd_, chunk, sizeof chunk, 0);
        if (n == 0 || (n < 0 && errno != EINTR)) return true;
    }
    return false;
}

}  // namespace weft::cli
