#include "cli/control_socket.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace weft::cli {

namespace {

constexpr const char name[] = "/control.sock";

[[noreturn]] void fail(const std::string& what) {
    throw std::system_error(errno, std::system_category(), what);
}

}  // namespace

control_address::control_address(const std::string& directory) {
    std::string path = directory + name;
    if (path.size() >= sizeof address_.sun_path) {
        directory_fd_ = ::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (directory_fd_ < 0) fail(directory);
        path = "/proc/self/fd/" + std::to_string(directory_fd_) + name;
    }
    address_.sun_family = AF_UNIX;
    std::memcpy(address_.sun_path, path.c_str(), path.size() + 1);
}

control_address::~control_address() {
    if (directory_fd_ >= 0) ::close(directory_fd_);
}

int listen_on(const std::string& directory) {
    const control_address address(directory);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) fail("control socket");
    // The mode of the file is what keeps other users out; it is created with it, so that there is
    // no moment without.
    const mode_t before = ::umask(0177);
    const bool bound = ::bind(fd, address.get(), address.size()) == 0;
    int error = bound ? 0 : errno;
    ::umask(before);
    if (bound && ::listen(fd, SOMAXCONN) != 0) error = errno;
    if (error != 0) {
        ::close(fd);
        errno = error;
        fail(directory + name);
    }
    return fd;
}

}  // namespace weft::cli
