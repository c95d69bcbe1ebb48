#include "file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace weft::kafka {

log_error system_error(int code, const std::string& doing) {
    char text[128];
    return {code, doing + ": " + strerror_r(code, text, sizeof text)};
}

descriptor::~descriptor() {
    if (fd_ >= 0) ::close(fd_);
}

mapping::~mapping() {
    if (data_) ::munmap(const_cast<uint8_t*>(data_), size_);
}

// Advice: where it is not taken, nothing is lost.
void mapping::give_back(size_t from, size_t to) const {
    if (from < to) ::madvise(const_cast<uint8_t*>(data_) + from, to - from, MADV_DONTNEED);
}

result<mapping> mapping::of(const descriptor& fd, size_t size, const std::string& path) {
    void* p = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd.get(), 0);
    if (p == MAP_FAILED) return system_error(errno, "map " + path);
    mapping m;
    m.data_ = static_cast<const uint8_t*>(p);
    m.size_ = size;
    return m;
}

result<descriptor> open_file(const std::string& path, int flags) {
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0640);
    if (fd < 0) return system_error(errno, "open " + path);
    return descriptor{fd};
}

result<descriptor> open_memory(const std::string& name) {
    const int fd = ::memfd_create(name.c_str(), MFD_CLOEXEC);
    if (fd < 0) return system_error(errno, "memfd_create");
    return descriptor{fd};
}

result<bool> preallocate(const descriptor& fd, size_t size, const std::string& path) {
    int rc = 0;
    do {
        rc = ::fallocate(fd.get(), 0, 0, static_cast<off_t>(size));
    } while (rc != 0 && errno == EINTR);
    if (rc == 0) return true;
    if (errno != EOPNOTSUPP && errno != ENOSYS) return system_error(errno, "allocate " + path);
    // No reservation to be had: pwrite will report a full disk, and holes read as zeros.
    return resize(fd, size, path);
}

result<bool> resize(const descriptor& fd, size_t size, const std::string& path) {
    if (::ftruncate(fd.get(), static_cast<off_t>(size)) != 0)
        return system_error(errno, "resize " + path);
    return true;
}

result<bool> write_at(const descriptor& fd, const void* p, size_t n, uint64_t at,
                      const std::string& path) {
    const auto* bytes = static_cast<const uint8_t*>(p);
    while (n != 0) {
        const ssize_t done = ::pwrite(fd.get(), bytes, n, static_cast<off_t>(at));
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return system_error(done < 0 ? errno : EIO, "write " + path);
        bytes += done;
        at += static_cast<uint64_t>(done);
        n -= static_cast<size_t>(done);
    }
    return true;
}

result<bool> read_at(const descriptor& fd, void* p, size_t n, uint64_t at,
                     const std::string& path) {
    auto* bytes = static_cast<uint8_t*>(p);
    while (n != 0) {
        const ssize_t done = ::pread(fd.get(), bytes, n, static_cast<off_t>(at));
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) return system_error(errno, "read " + path);
        if (done == 0) return log_error{0, "read " + path + ": the file ends too early"};
        bytes += done;
        at += static_cast<uint64_t>(done);
        n -= static_cast<size_t>(done);
    }
    return true;
}

result<uint64_t> size_of(const descriptor& fd, const std::string& path) {
    struct stat st {};
    if (::fstat(fd.get(), &st) != 0) return system_error(errno, "stat " + path);
    return static_cast<uint64_t>(st.st_size);
}

const std::string& boot_id() {
    static const std::string id = [] {
        std::string text;
        if (FILE* f = std::fopen("/proc/sys/kernel/random/boot_id", "re")) {
            char line[64] = {};
            if (std::fgets(line, sizeof line, f)) text.assign(line, std::strcspn(line, "\n"));
            std::fclose(f);
        }
        return text;
    }();
    return id;
}

}  // namespace weft::kafka
