// Thin owners of what the operating system gives: a descriptor and a read-only mapping.
#pragma once

#include "result.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace weft::kafka {

class descriptor {
public:
    descriptor() = default;
    explicit descriptor(int fd) : fd_(fd) {}
    descriptor(descriptor&& o) noexcept : fd_(std::exchange(o.fd_, -1)) {}
    descriptor& operator=(descriptor&& o) noexcept {
        std::swap(fd_, o.fd_);
        return *this;
    }
    ~descriptor();
    explicit operator bool() const { return fd_ >= 0; }
    int get() const { return fd_; }

private:
    int fd_ = -1;
};

// A shared mapping that is only ever read: what pwrite puts into the file is seen here, and a full
// disk is an error of pwrite instead of a SIGBUS.
class mapping {
public:
    mapping() = default;
    mapping(mapping&& o) noexcept
        : data_(std::exchange(o.data_, nullptr)), size_(std::exchange(o.size_, 0)) {}
    mapping& operator=(mapping&& o) noexcept {
        std::swap(data_, o.data_);
        std::swap(size_, o.size_);
        return *this;
    }
    ~mapping();
    static result<mapping> of(const descriptor& fd, size_t size, const std::string& path);
    const uint8_t* data() const { return data_; }
    size_t size() const { return size_; }
    // What lies there is no longer counted as this process's memory, until somebody reads it again:
    // it stays in the kernel's cache of the file. `from` is at the start of a page, and so is `to`
    // or it is the end.
    void give_back(size_t from, size_t to) const;

private:
    const uint8_t* data_ = nullptr;
    size_t size_ = 0;
};

result<descriptor> open_file(const std::string& path, int flags);
result<descriptor> open_memory(const std::string& name);

// Makes the file `size` bytes long with disk space behind every byte, where the file system can
// promise that.
result<bool> preallocate(const descriptor& fd, size_t size, const std::string& path);

result<bool> resize(const descriptor& fd, size_t size, const std::string& path);

result<bool> write_at(const descriptor& fd, const void* p, size_t n, uint64_t at,
                      const std::string& path);
result<bool> read_at(const descriptor& fd, void* p, size_t n, uint64_t at, const std::string& path);
result<uint64_t> size_of(const descriptor& fd, const std::string& path);

// Identifies the running kernel: since it booted, nothing that was written has been lost. Empty
// when not known.
const std::string& boot_id();

}  // namespace weft::kafka
