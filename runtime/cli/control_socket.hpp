// The address of control.sock in an engine directory, however long its path is.
#pragma once

#include <string>

#include <sys/socket.h>
#include <sys/un.h>

namespace weft::cli {

// sun_path takes 107 characters. A longer path goes through /proc/self/fd: keep the object until
// bind or connect is done.
class control_address {
public:
    explicit control_address(const std::string& directory);  // throws std::system_error
    control_address(const control_address&) = delete;
    control_address& operator=(const control_address&) = delete;
    ~control_address();

    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address_); }
    socklen_t size() const { return sizeof address_; }

private:
    int directory_fd_ = -1;
    sockaddr_un address_{};
};

// A socket listening there that only this user may connect to. Throws std::system_error.
int listen_on(const std::string& directory);

}  // namespace weft::cli
