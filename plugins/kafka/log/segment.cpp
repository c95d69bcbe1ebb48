#include "segment.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <random>

namespace weft::kafka {

namespace {

const auto page_bytes = static_cast<uint32_t>(::sysconf(_SC_PAGESIZE));

uint64_t new_salt() {
    std::random_device random;
    return uint64_t{random()} << 32 | random();
}

segment_header describe(const segment::origin& o, uint64_t salt) {
    segment_header h{};
    h.magic = segment_magic;
    h.version = format_version;
    h.flags = o.flags;
    h.salt = salt;
    h.base = o.base;
    h.created_ms = o.now_ms;
    h.covers_to = o.covers_to;
    h.follows = o.follows;
    h.capacity = o.capacity;
    h.partition = o.identity.partition;
    h.cluster_id_size =
        static_cast<uint32_t>(std::min(o.identity.cluster_id.size(), sizeof h.cluster_id));
    h.topic_size = static_cast<uint32_t>(std::min(o.identity.topic.size(), sizeof h.topic));
    std::memcpy(h.cluster_id, o.identity.cluster_id.data(), h.cluster_id_size);
    std::memcpy(h.topic, o.identity.topic.data(), h.topic_size);
    h.checksum = checksum_header(h);
    return h;
}

bool describes(const segment_header& h, const log_identity& id) {
    if (h.cluster_id_size > sizeof h.cluster_id || h.topic_size > sizeof h.topic) return false;
    return h.partition == id.partition &&
           std::string_view(h.cluster_id, h.cluster_id_size) == id.cluster_id &&
           std::string_view(h.topic, h.topic_size) == id.topic;
}

std::string file_name(int64_t base) {
    char name[32];
    std::snprintf(name, sizeof name, "/%020lld.log", static_cast<long long>(base));
    return name;
}

}  // namespace

std::string segment::index_path() const {
    return path_.substr(0, path_.size() - 4) + ".index";
}

result<segment_ptr> segment::start(const origin& o, descriptor fd, std::string path) {
    const std::string& name = path.empty() ? o.directory : path;
    // Memory is taken page by page as records come.
    if (auto r = path.empty() ? resize(fd, o.capacity, name) : preallocate(fd, o.capacity, name);
        !r)
        return r.error();
    const segment_header h = describe(o, new_salt());
    if (auto r = write_at(fd, &h, sizeof h, 0, name); !r) return r.error();
    auto map = mapping::of(fd, o.capacity, name);
    if (!map) return map.error();

    segment_ptr s(new segment());
    s->path_ = std::move(path);
    s->fd_ = std::move(fd);
    s->map_ = std::move(*map);
    s->salt_ = h.salt;
    s->base_ = o.base;
    s->covers_to_ = o.covers_to;
    s->follows_ = o.follows;
    s->flags_ = o.flags;
    s->index_interval_bytes_ = o.limits.index_interval_bytes;
    s->head_ = std::make_shared<head_index>(o.limits.index_interval_bytes);
    s->index_ = s->head_;
    s->next_.store(std::max(o.base, o.covers_to), std::memory_order_relaxed);
    s->readable_.store(header_bytes, std::memory_order_release);
    return s;
}

result<segment_ptr> segment::create(const origin& o) {
    const std::string path = o.directory + file_name(o.base);
    auto fd = open_file(path, O_RDWR | O_CREAT | O_TRUNC);
    if (!fd) return fd.error();
    auto s = start(o, std::move(*fd), path);
    if (!s) ::unlink(path.c_str());
    return s;
}

result<segment_ptr> segment::create_in_memory(const origin& o) {
    auto fd = open_memory("weft-kafka-cache");
    if (!fd) return fd.error();
    return start(o, std::move(*fd), "");
}

result<segment_ptr> segment::open(const std::string& path, const log_identity& identity,
                                  const log_limits& limits) {
    auto fd = open_file(path, O_RDWR);
    if (!fd) return fd.error();
    auto size = size_of(*fd, path);
    if (!size) return size.error();
    segment_header h;
    if (auto r = read_at(*fd, &h, sizeof h, 0, path); !r) return r.error();
    if (h.magic != segment_magic || h.version != format_version || h.checksum != checksum_header(h))
        return log_error{0, path + ": not a segment of this version"};
    if (!describes(h, identity))
        return log_error{0, path + ": belongs to another cluster or topic"};
    if (*size < header_bytes || *size > UINT32_MAX || h.base < 0)
        return log_error{0, path + ": impossible size"};

    segment_ptr s(new segment());
    s->path_ = path;
    s->salt_ = h.salt;
    s->base_ = h.base;
    s->covers_to_ = h.covers_to;
    s->follows_ = h.follows;
    s->flags_ = h.flags;
    s->index_interval_bytes_ = limits.index_interval_bytes;
    s->next_.store(h.base, std::memory_order_relaxed);

    const auto index = sealed_index::peek(s->index_path(), h.salt);
    const auto map = [&](uint64_t bytes) -> result<bool> {
        auto m = mapping::of(*fd, bytes, path);
        if (!m) return m.error();
        s->map_ = std::move(*m);
        return true;
    };
    if (auto r = map(*size); !r) return r.error();
    s->fd_ = std::move(*fd);
    // A file of this boot was written by a process that sealed it: the kernel kept every byte.
    // After a reboot, entries are checked.
    auto trusted = index;
    if (trusted && !boot_id().empty() && boot_id() == trusted->boot && trusted->used <= *size &&
        trusted->used >= header_bytes && trusted->next > h.base) {
        s->next_.store(trusted->next, std::memory_order_relaxed);
        s->newest_ms_.store(trusted->newest_ms, std::memory_order_relaxed);
        s->records_.store(trusted->records, std::memory_order_relaxed);
        s->readable_.store(trusted->used, std::memory_order_release);
        s->sealed_.store(true, std::memory_order_release);
        s->fd_ = descriptor{};
        return s;
    }
    if (auto r = s->scan(*size); !r) return r.error();
    return s;
}

// Accepts entries up to the first that is not one, and clears what is behind: a leftover of a torn
// write must not join up with later appends.
result<bool> segment::scan(uint64_t file_size) {
    uint32_t at = header_bytes, count = 0;
    int64_t next = base_, newest = INT64_MIN;
    while (at < file_size && valid_entry(data() + at, file_size - at, salt_)) {
        const record_view r(data() + at, at);
        if (r.offset() < next) break;
        next = r.offset() + 1;
        newest = std::max(newest, r.timestamp_ms());
        ++count;
        at += r.size();
    }
    const bool clean =
        std::all_of(data() + at, data() + file_size, [](uint8_t b) { return b == 0; });
    if (!clean) {
        map_ = mapping{};
        if (auto r = resize(fd_, at, path_); !r) return r;
        if (auto r = preallocate(fd_, file_size, path_); !r) return r.error();
        auto m = mapping::of(fd_, file_size, path_);
        if (!m) return m.error();
        map_ = std::move(*m);
    }
    next_.store(std::max(next, covers_to_), std::memory_order_relaxed);
    newest_ms_.store(newest, std::memory_order_relaxed);
    records_.store(count, std::memory_order_relaxed);
    head_ = build_index(at);
    index_ = head_;
    readable_.store(at, std::memory_order_release);
    return true;
}

std::shared_ptr<head_index> segment::build_index(uint32_t end) const {
    auto index = std::make_shared<head_index>(index_interval_bytes_);
    for (uint32_t at = header_bytes; at < end;) {
        const record_view r = this->at(at, end);
        if (!r) break;
        index->add(r, bytes(end));
        at += r.size();
    }
    return index;
}

segment::~segment() {
    if (budget_) budget_->fetch_sub(capacity(), std::memory_order_relaxed);
}

void segment::charge(std::shared_ptr<memory_budget> budget) {
    budget_ = std::move(budget);
    budget_->fetch_add(capacity(), std::memory_order_relaxed);
}

result<bool> segment::append(std::span<const uint8_t> entries, int64_t next) {
    const uint32_t at = readable_.load(std::memory_order_relaxed);
    if (entries.size() > map_.size() - at) return log_error{ENOSPC, "segment full"};
    if (auto r =
            write_at(fd_, entries.data(), entries.size(), at, path_.empty() ? "memory" : path_);
        !r)
        return r;
    const auto end = at + static_cast<uint32_t>(entries.size());
    int64_t newest = newest_ms_.load(std::memory_order_relaxed);
    uint32_t count = records_.load(std::memory_order_relaxed);
    for (uint32_t p = at; p < end;) {
        const record_view r(data() + p, p);
        head_->add(r, bytes(end));
        newest = std::max(newest, r.timestamp_ms());
        ++count;
        p += r.size();
    }
    newest_ms_.store(newest, std::memory_order_relaxed);
    records_.store(count, std::memory_order_relaxed);
    readable_.store(end, std::memory_order_release);
    next_.store(next, std::memory_order_release);  // whoever sees it finds all below readable
    if (end - given_back_ >= 2 * mapped_behind_bytes) {
        const uint32_t behind = (end - mapped_behind_bytes) / page_bytes * page_bytes;
        map_.give_back(given_back_, behind);
        given_back_ = behind;
    }
    return true;
}

index_header segment::summary() const {
    index_header h{};
    h.salt = salt_;
    h.next = next();
    h.newest_ms = newest_ms();
    h.used = readable();
    h.records = records();
    return h;
}

result<bool> segment::seal() {
    if (sealed()) return true;
    result<bool> stored = true;
    if (!in_memory()) {
        stored = sealed_index::store(index_path(), *head_, summary());
        // Readers stay below readable(), so the mapping may be longer than the file.
        if (auto r = resize(fd_, readable(), path_); !r && stored) stored = r;
        fd_ = descriptor{};
        if (stored) {
            const std::lock_guard lock(index_mutex_);
            index_.reset();  // the file serves from now on
        }
    }
    head_.reset();
    give_back();
    sealed_.store(true, std::memory_order_release);
    return stored;
}

result<bool> segment::move_to(const std::string& directory) {
    const std::string path = directory + file_name(base_), index = index_path();
    if (::rename(path_.c_str(), path.c_str()) != 0)
        return system_error(errno, "rename " + path_ + " to " + path);
    path_ = path;
    // In between, the old index is known by its salt to belong to another file.
    if (::rename(index.c_str(), index_path().c_str()) != 0)
        return system_error(errno, "rename " + index);
    return true;
}

void segment::remove_file() {
    if (in_memory()) return;
    ::unlink(path_.c_str());
    ::unlink(index_path().c_str());
}

std::shared_ptr<const key_index> segment::index() const {
    const std::lock_guard lock(index_mutex_);
    if (!index_) {
        auto loaded = sealed_index::load(index_path(), salt_);
        if (loaded) {
            index_ = std::move(*loaded);
        } else {
            index_ = build_index(readable());
        }
    }
    return index_;
}

uint32_t segment::seek(int64_t offset, uint32_t end) const {
    if (offset <= base_) return std::min(header_bytes, end);
    if (offset >= next() && end == readable()) return end;
    uint32_t at = index()->near(offset);
    while (at < end) {
        const record_view r = this->at(at, end);
        if (!r || r.offset() >= offset) break;
        at += r.size();
    }
    return std::min(at, end);
}

}  // namespace weft::kafka
