#include "loader/plugin_files.hpp"

#include "loader/plugin_library.hpp"

#include <fmt/format.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <system_error>
#include <vector>

namespace weft {
namespace {

namespace fs = std::filesystem;

class descriptor {
public:
    explicit descriptor(int fd) : fd_(fd) {}
    ~descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    int get() const { return fd_; }

private:
    int fd_;
};

[[noreturn]] void fail(const std::string& file, const char* what) {
    throw plugin_error(fmt::format("{}: {}: {}", file, what, std::strerror(errno)));
}

constexpr size_t block_size = 1u << 18;

// Reads all of `file`, hands each block on and returns the digest of all.
template <class F>
std::string read_through(const std::string& file, F&& on_block) {
    const descriptor in(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    if (in.get() < 0) fail(file, "cannot be read");
    const std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state(XXH3_createState(),
                                                                         XXH3_freeState);
    if (!state) throw std::bad_alloc();
    XXH3_128bits_reset(state.get());
    std::vector<char> block(block_size);
    for (;;) {
        const ssize_t n = ::read(in.get(), block.data(), block.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) fail(file, "cannot be read");
        if (n == 0) break;
        XXH3_128bits_update(state.get(), block.data(), static_cast<size_t>(n));
        on_block(block.data(), static_cast<size_t>(n));
    }
    const auto hash = XXH3_128bits_digest(state.get());
    return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

void write_all(int fd, const std::string& file, const char* data, size_t size) {
    while (size > 0) {
        const ssize_t n = ::write(fd, data, size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) fail(file, "cannot be written");
        data += n;
        size -= static_cast<size_t>(n);
    }
}

}  // namespace

plugin_files::plugin_files(std::string directory) : directory_(std::move(directory)) {
    std::error_code error;  // what cannot be removed only costs space
    fs::remove_all(directory_, error);
}

plugin_copy plugin_files::place_of(const std::string& name, std::string digest) const {
    auto path = fmt::format("{}/{}/{}", directory_, digest, name);
    return {std::move(path), std::move(digest)};
}

plugin_copy plugin_files::copy(const std::string& file) const {
    const auto name = fs::path(file).filename().string();
    std::error_code error;
    // Most of the time nothing has changed.
    auto known = place_of(name, read_through(file, [](const char*, size_t) {}));
    if (fs::exists(known.path, error)) return known;
    fs::create_directories(directory_, error);
    if (error) throw plugin_error(fmt::format("{}: {}", directory_, error.message()));

    // Under another name until it is whole, and named by what was really copied: the file may be
    // replaced while we read.
    const auto part = fmt::format("{}/{}.part", directory_, name);
    std::string digest;
    try {
        const descriptor out(
            ::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRWXU));
        if (out.get() < 0) fail(part, "cannot be written");
        digest = read_through(
            file, [&](const char* data, size_t size) { write_all(out.get(), part, data, size); });
    } catch (...) {
        fs::remove(part, error);
        throw;
    }
    auto c = place_of(name, std::move(digest));
    fs::create_directories(fs::path(c.path).parent_path(), error);
    if (!error) fs::rename(part, c.path, error);
    if (error) throw plugin_error(fmt::format("{}: {}", c.path, error.message()));
    return c;
}

void plugin_files::remove(const plugin_copy& c) const {
    std::error_code error;  // a copy that stays only costs space, until the next start
    fs::remove(c.path, error);
    fs::remove(fs::path(c.path).parent_path(), error);
}

}  // namespace weft
