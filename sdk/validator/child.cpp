#include "child.hpp"

#include "rule.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <stdexcept>

namespace weft::validator {
namespace {

using nlohmann::json;
using clock = std::chrono::steady_clock;

constexpr size_t error_bytes_max = 64 * 1024;

json report(const std::function<json()>& work) {
    try {
        return {{"what", verdict::pass}, {"value", work()}};
    } catch (const skipped& e) {
        return {{"what", verdict::skip}, {"text", e.what()}};
    } catch (const std::exception& e) {
        return {{"what", verdict::fail}, {"text", e.what()}};
    }
}

[[noreturn]] void be_child(int answer, int errors, const std::function<json()>& work) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    ::dup2(null, STDOUT_FILENO);
    ::dup2(errors, STDERR_FILENO);
    // Text of a plugin may be anything; JSON takes UTF-8 only.
    const std::string text = report(work).dump(-1, ' ', false, json::error_handler_t::replace);
    for (size_t done = 0; done < text.size();) {
        const ssize_t n = ::write(answer, text.data() + done, text.size() - done);
        if (n <= 0) ::_exit(2);
        done += static_cast<size_t>(n);
    }
    // Not exit: threads that the plugin left may not meet destructors.
    ::_exit(0);
}

std::string last_line(std::string text) {
    while (!text.empty() && text.back() == '\n') text.pop_back();
    const auto at = text.rfind('\n');
    return at == std::string::npos ? text : text.substr(at + 1);
}

// Reads until the child has closed its answer; false when the time is over.
bool read_all(int answer, int errors, clock::time_point end, std::string& out, std::string& err) {
    pollfd fds[2] = {{answer, POLLIN, 0}, {errors, POLLIN, 0}};
    char buffer[4096];
    while (fds[0].fd >= 0) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(end - clock::now()).count();
        if (left <= 0) return false;
        if (::poll(fds, 2, static_cast<int>(left)) < 0 && errno != EINTR) return false;
        for (auto& f : fds) {
            if (f.fd < 0 || f.revents == 0) continue;
            const ssize_t n = ::read(f.fd, buffer, sizeof buffer);
            if (n <= 0) {
                f.fd = -1;
                continue;
            }
            auto& to = f.fd == answer ? out : err;
            to.append(buffer, static_cast<size_t>(n));
            if (&to == &err && err.size() > error_bytes_max) err.erase(0, err.size() / 2);
        }
    }
    return true;
}

}  // namespace

outcome in_child(unsigned timeout_s, const std::function<json()>& work) {
    int answer[2], errors[2];
    if (::pipe2(answer, O_CLOEXEC) != 0 || ::pipe2(errors, O_CLOEXEC) != 0)
        throw std::runtime_error(std::string("pipe: ") + std::strerror(errno));
    const pid_t pid = ::fork();
    if (pid < 0) throw std::runtime_error(std::string("fork: ") + std::strerror(errno));
    if (pid == 0) {
        ::close(answer[0]);
        ::close(errors[0]);
        be_child(answer[1], errors[1], work);
    }
    ::close(answer[1]);
    ::close(errors[1]);
    std::string out, err;
    const bool in_time =
        read_all(answer[0], errors[0], clock::now() + std::chrono::seconds(timeout_s), out, err);
    if (!in_time) ::kill(pid, SIGKILL);
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    ::close(answer[0]);
    ::close(errors[0]);

    if (!in_time)
        return {verdict::fail, "it hangs: no end after " + std::to_string(timeout_s) + " s", {}};
    const auto said = json::parse(out, nullptr, false);
    if (said.is_object() && said.contains("what"))
        return {said["what"].get<verdict>(), said.value("text", ""), said.value("value", json())};
    const std::string how = WIFSIGNALED(status)
                                ? std::string("it crashes: ") + ::strsignal(WTERMSIG(status))
                                : "it ends the process with " + std::to_string(WEXITSTATUS(status));
    const auto line = last_line(err);
    return {verdict::fail, line.empty() ? how : how + ": " + line, {}};
}

}  // namespace weft::validator
