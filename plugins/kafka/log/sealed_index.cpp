#include "sealed_index.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <numeric>

namespace weft::kafka {

namespace {

uint64_t checksum_of(index_header h) {
    h.checksum = 0;
    return checksum_bytes(&h, sizeof h);
}

template <class T>
void put(std::vector<uint8_t>& out, const T& v) {
    const auto* p = reinterpret_cast<const uint8_t*>(&v);
    out.insert(out.end(), p, p + sizeof v);
}

}  // namespace

result<index_header> sealed_index::peek(const std::string& path, uint64_t salt) {
    auto fd = open_file(path, O_RDONLY);
    if (!fd) return fd.error();
    index_header h;
    if (auto r = read_at(*fd, &h, sizeof h, 0, path); !r) return r.error();
    if (h.magic != index_magic || h.version != format_version || h.checksum != checksum_of(h) ||
        h.salt != salt)
        return log_error{0, path + ": not the index of its segment"};
    return h;
}

result<std::unique_ptr<sealed_index>> sealed_index::load(const std::string& path, uint64_t salt) {
    auto h = peek(path, salt);
    if (!h) return h.error();
    auto fd = open_file(path, O_RDONLY);
    if (!fd) return fd.error();
    auto size = size_of(*fd, path);
    if (!size) return size.error();
    const uint64_t body = uint64_t{h->keys} * sizeof(entry) +
                          uint64_t{h->marks} * sizeof(offset_mark) +
                          uint64_t{h->postings} * sizeof(uint32_t);
    if (*size != sizeof(index_header) + body) return log_error{0, path + ": wrong size"};
    auto map = mapping::of(*fd, *size, path);
    if (!map) return map.error();

    auto index = std::make_unique<sealed_index>();
    index->map_ = std::move(*map);
    const uint8_t* p = index->map_.data() + sizeof(index_header);
    if (checksum_bytes(p, body) != h->body_checksum)
        return log_error{0, path + ": checksum mismatch"};
    index->keys_ = reinterpret_cast<const entry*>(p);
    index->marks_ = reinterpret_cast<const offset_mark*>(p + uint64_t{h->keys} * sizeof(entry));
    index->postings_ = reinterpret_cast<const uint32_t*>(index->marks_ + h->marks);
    if (!index->consistent()) return log_error{0, path + ": entries out of range"};
    return index;
}

// A file that passes its checksum was written by us; this guards against a fault of ours leading
// readers astray.
bool sealed_index::consistent() const {
    const auto& h = header();
    for (uint32_t k = 0; k < h.keys; ++k) {
        if (keys_[k].count == 0 || keys_[k].first > h.postings ||
            keys_[k].count > h.postings - keys_[k].first)
            return false;
    }
    const auto outside = [&](uint32_t p) { return p < header_bytes || p >= h.used; };
    return std::none_of(postings_, postings_ + h.postings, outside) &&
           std::none_of(marks_, marks_ + h.marks,
                        [&](const offset_mark& m) { return outside(m.position); });
}

result<bool> sealed_index::store(const std::string& path, const head_index& from, index_header h) {
    h.magic = index_magic;
    h.version = format_version;
    h.keys = from.key_count();
    h.postings = from.posting_count();
    h.marks = from.marks().size();
    std::snprintf(h.boot, sizeof h.boot, "%s", boot_id().c_str());

    std::vector<uint32_t> order(h.keys);
    std::iota(order.begin(), order.end(), 0u);
    std::sort(order.begin(), order.end(),
              [&](uint32_t a, uint32_t b) { return from.hash(a) < from.hash(b); });

    std::vector<uint32_t> postings;
    postings.reserve(h.postings);
    std::vector<uint8_t> out(sizeof h);
    out.reserve(sizeof h + h.keys * sizeof(entry) + h.marks * sizeof(offset_mark) +
                h.postings * sizeof(uint32_t));
    for (const uint32_t k : order) {
        const auto first = static_cast<uint32_t>(postings.size());
        from.records(k, 0, UINT32_MAX, postings);
        std::reverse(postings.begin() + first,
                     postings.end());  // the chain of the head runs backwards
        put(out, entry{from.hash(k), first, static_cast<uint32_t>(postings.size()) - first});
    }
    for (uint32_t m = 0; m < h.marks; ++m) put(out, from.marks()[m]);
    const auto* bytes = reinterpret_cast<const uint8_t*>(postings.data());
    out.insert(out.end(), bytes, bytes + postings.size() * sizeof(uint32_t));
    h.body_checksum = checksum_bytes(out.data() + sizeof h, out.size() - sizeof h);
    h.checksum = checksum_of(h);
    std::memcpy(out.data(), &h, sizeof h);

    const std::string draft = path + ".new";
    {
        auto fd = open_file(draft, O_WRONLY | O_CREAT | O_TRUNC);
        if (!fd) return fd.error();
        if (auto r = write_at(*fd, out.data(), out.size(), 0, draft); !r) {
            ::unlink(draft.c_str());
            return r.error();
        }
    }
    if (::rename(draft.c_str(), path.c_str()) != 0) return system_error(errno, "rename " + draft);
    return true;
}

std::optional<uint32_t> sealed_index::newest(uint32_t key, uint32_t below) const {
    const uint32_t* begin = postings_ + keys_[key].first;
    const uint32_t* end = begin + keys_[key].count;
    const uint32_t* it = std::lower_bound(begin, end, below);
    if (it == begin) return std::nullopt;
    return *(it - 1);
}

void sealed_index::records(uint32_t key, uint32_t from, uint32_t below,
                           std::vector<uint32_t>& out) const {
    const uint32_t* begin = postings_ + keys_[key].first;
    const uint32_t* end = begin + keys_[key].count;
    for (const uint32_t* it = std::lower_bound(begin, end, from); it != end && *it < below; ++it)
        out.push_back(*it);
}

std::optional<uint32_t> sealed_index::find(uint64_t hash, std::string_view key,
                                           std::span<const uint8_t> data) const {
    const entry* end = keys_ + header().keys;
    const entry* it =
        std::lower_bound(keys_, end, hash, [](const entry& e, uint64_t h) { return e.hash < h; });
    for (; it != end && it->hash == hash; ++it) {
        const auto k = static_cast<uint32_t>(it - keys_);
        if (this->key(k, data) == key) return k;
    }
    return std::nullopt;
}

uint32_t sealed_index::near(int64_t offset) const {
    const offset_mark* end = marks_ + header().marks;
    const offset_mark* it = std::upper_bound(
        marks_, end, offset, [](int64_t o, const offset_mark& m) { return o < m.offset; });
    return it == marks_ ? header_bytes : (it - 1)->position;
}

}  // namespace weft::kafka
