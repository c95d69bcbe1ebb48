// The engine directory: where a running instance keeps its files and can be found.
//
//   lock          held (an open file description lock) for as long as the process lives, so that it
//   vanishes with it info          the pid, for people and scripts control.sock  what `weft
//   status`, `metrics` and `stop` talk to cache/        files of bindings
#pragma once

#include <sys/types.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace weft::cli {

class directory_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// The directory of this process, locked.
class engine_directory {
public:
    // Creates `path` and locks it; where another process holds it, the next of path-1, path-2 ...
    // is taken. Throws directory_error.
    static engine_directory claim(const std::string& path);

    engine_directory(engine_directory&& other) noexcept;
    engine_directory& operator=(engine_directory&&) = delete;
    ~engine_directory();  // removes info and control.sock, then lets the lock go

    const std::string& path() const { return path_; }
    // 0 for the directory that was asked for, n for its sibling path-n.
    int sibling() const { return sibling_; }

private:
    engine_directory(std::string path, int fd, int sibling)
        : path_(std::move(path)), fd_(fd), sibling_(sibling) {}

    std::string path_;
    int fd_, sibling_;
};

// Does a process hold this directory? A look that disturbs nobody.
bool is_held(const std::string& path);
// The pid in its info file.
std::optional<pid_t> pid_of(const std::string& path);
// Siblings of `path` that are held.
std::vector<std::string> held_siblings(const std::string& path);

inline constexpr int siblings_max = 64;

}  // namespace weft::cli
