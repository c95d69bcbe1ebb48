// The other end of the control socket, for the commands that look into a running instance.
#pragma once

#include <nlohmann/json.hpp>

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>

namespace weft::cli {

class control_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

class control_client {
public:
    // Nothing when nobody listens in this engine directory.
    static std::optional<control_client> connect(const std::string& directory);

    control_client(control_client&& other) noexcept;
    control_client& operator=(control_client&&) = delete;
    ~control_client();

    // One request and its answer, which may say "ok": false. Throws control_error when none comes
    // in time.
    nlohmann::json request(const nlohmann::json& body, std::chrono::milliseconds timeout);
    // True when the other side ended within the time.
    bool wait_closed(std::chrono::milliseconds timeout);

private:
    explicit control_client(int fd) : fd_(fd) {}

    int fd_;
};

}  // namespace weft::cli
