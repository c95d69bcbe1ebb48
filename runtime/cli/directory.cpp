#include "cli/directory.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace weft::cli {

namespace {

namespace fs = std::filesystem;

std::string sibling_path(const std::string& path, int n) {
    return n == 0 ? path : path + "-" + std::to_string(n);
}

// The whole file, for writing.
struct flock whole_file() {
    struct flock l {};
    l.l_type = F_WRLCK;
    l.l_whence = SEEK_SET;
    return l;
}

[[noreturn]] void fail(const std::string& path, const std::string& why) {
    throw directory_error("engine directory " + path + ": " + why +
                          " (choose another with -P zilla.engine.directory=DIR)");
}

// A descriptor that holds the lock, or -1 when another process does.
int lock(const std::string& path) {
    const std::string file = path + "/lock";
    const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) fail(path, std::strerror(errno));
    struct flock l = whole_file();
    if (::fcntl(fd, F_OFD_SETLK, &l) == 0) return fd;
    const int error = errno;
    ::close(fd);
    if (error == EAGAIN || error == EACCES) return -1;
    fail(path, std::string("cannot be locked: ") + std::strerror(error));
}

void write_info(const std::string& path) {
    std::ofstream out(path + "/info", std::ios::trunc);
    out << ::getpid() << "\n";
    if (!out.flush()) fail(path, "its info file cannot be written");
}

}  // namespace

engine_directory engine_directory::claim(const std::string& wanted) {
    std::string path = wanted;
    while (path.size() > 1 && path.ends_with('/')) path.pop_back();
    for (int n = 0; n <= siblings_max; ++n) {
        const std::string candidate = sibling_path(path, n);
        std::error_code error;
        fs::create_directories(candidate, error);
        if (error) fail(candidate, error.message());
        const int fd = lock(candidate);
        if (fd < 0) continue;
        engine_directory mine(fs::absolute(candidate).lexically_normal().string(), fd, n);
        // Nobody can listen there now: what a killed process left is in the way.
        ::unlink((mine.path_ + "/control.sock").c_str());
        write_info(mine.path_);
        return mine;
    }
    fail(path, "it and " + std::to_string(siblings_max) + " siblings are in use");
}

engine_directory::engine_directory(engine_directory&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)), sibling_(other.sibling_) {}

engine_directory::~engine_directory() {
    if (fd_ < 0) return;
    ::unlink((path_ + "/control.sock").c_str());
    ::unlink((path_ + "/info").c_str());
    ::close(fd_);
}

bool is_held(const std::string& path) {
    const int fd = ::open((path + "/lock").c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    struct flock l = whole_file();
    const bool held = ::fcntl(fd, F_OFD_GETLK, &l) == 0 && l.l_type != F_UNLCK;
    ::close(fd);
    return held;
}

std::optional<pid_t> pid_of(const std::string& path) {
    std::ifstream in(path + "/info");
    pid_t pid = 0;
    if (in >> pid && pid > 1) return pid;
    return std::nullopt;
}

std::vector<std::string> held_siblings(const std::string& path) {
    std::vector<std::string> out;
    for (int n = 0; n <= siblings_max; ++n) {
        if (const std::string candidate = sibling_path(path, n); is_held(candidate))
            out.push_back(candidate);
    }
    return out;
}

}  // namespace weft::cli
