#include "cleaner.hpp"

#include <algorithm>
#include <cstring>
#include <filesystem>

namespace weft::kafka {

namespace {

constexpr size_t write_bytes = 256u << 10;

}  // namespace

bool cleaner::due(const partition_log& log) {
    if (log.degraded() || log.closed()) return false;
    uint64_t clean = 0, dirty = 0;
    for (const auto& s : log.snapshot()->segments) {
        if (s->in_memory()) return false;
        if (s->sealed()) ((s->flags() & segment_cleaned) ? clean : dirty) += s->readable();
    }
    return dirty > 0 && static_cast<double>(dirty) >= static_cast<double>(clean + dirty) *
                                                          log.options().limits.cleanable_ratio_min;
}

cleaner::cleaner(const partition_log& log, int64_t now_ms)
    : folder_(log.options().directory + "/" + cleaning_folder),
      identity_(log.options().identity),
      limits_(log.options().limits),
      now_ms_(now_ms) {
    const auto now = log.snapshot();
    const auto& list = now->segments;
    const auto end =
        std::find_if(list.begin(), list.end(), [](const auto& s) { return !s->sealed(); });
    old_.assign(list.begin(), end);
    for (const auto& s : list) all_.push_back({s, 0, nullptr});
}

bool cleaner::run() {
    std::error_code ec;
    std::filesystem::remove_all(folder_, ec);
    std::filesystem::create_directories(folder_, ec);
    if (ec) {
        error_ = "make folder " + folder_ + ": " + ec.message();
        return false;
    }
    for (auto& s : all_) {
        s.end = s.segment->readable();  // first: what is below it is in the index
        s.index = s.segment->index();
    }
    std::vector<kept> chosen;
    for (size_t i = 0; i < old_.size() && !cancelled_; ++i) chosen.push_back(choose(i));
    for (size_t first = 0; first < old_.size() && !cancelled_;) {
        // Small remains of several segments make one.
        size_t last = first;
        uint64_t bytes = header_bytes + chosen[first].bytes;
        while (last + 1 < old_.size() && bytes + chosen[last + 1].bytes <= limits_.segment_bytes)
            bytes += chosen[++last].bytes;
        if (!write(first, last, chosen)) return false;
        first = last + 1;
    }
    return !cancelled_;
}

cleaner::kept cleaner::choose(size_t segment) const {
    const auto& in = all_[segment];
    const int64_t tombstones_from = now_ms_ - limits_.delete_retention_ms;
    kept out;
    for (uint32_t at = header_bytes; at < in.end && !cancelled_;) {
        const record_view r = in.segment->at(at, in.end);
        if (!r) break;
        at += r.size();
        if (r.key()) {
            if (r.null_value() && r.timestamp_ms() < tombstones_from) continue;
            if (superseded(*in.segment, r, segment)) continue;
        }
        out.positions.push_back(r.position());
        out.bytes += r.size();
    }
    return out;
}

bool cleaner::superseded(const weft::kafka::segment& in, const record_view& r,
                         size_t segment) const {
    const auto key = *r.key();
    const auto& own = all_[segment];
    const auto found = own.index->find(r.key_hash(), key, in.bytes(own.end));
    if (found && own.index->newest(*found, own.end) != r.position()) return true;
    return std::any_of(all_.begin() + static_cast<std::ptrdiff_t>(segment) + 1, all_.end(),
                       [&](const indexed& later) {
                           return later.index
                               ->find(r.key_hash(), key, later.segment->bytes(later.end))
                               .has_value();
                       });
}

bool cleaner::write(size_t first, size_t last, const std::vector<kept>& chosen) {
    uint64_t bytes = header_bytes;
    for (size_t i = first; i <= last; ++i) {
        bytes += chosen[i].bytes;
        dropped_bytes_ += old_[i]->readable() - header_bytes - chosen[i].bytes;
    }
    segment::origin o{folder_, identity_, limits_};
    o.base = old_[first]->base();
    o.follows = old_[first]->follows();
    o.covers_to = old_[last]->next();
    o.flags = segment_cleaned;
    o.now_ms = now_ms_;
    o.capacity = static_cast<uint32_t>(bytes);
    auto s = segment::create(o);
    if (!s) {
        error_ = s.error().text;
        return false;
    }
    std::vector<uint8_t> buffer;
    const auto flush = [&] {
        auto r = (*s)->append(buffer, o.covers_to);
        buffer.clear();
        if (!r) error_ = r.error().text;
        return static_cast<bool>(r);
    };
    for (size_t i = first; i <= last && !cancelled_; ++i) {
        for (const uint32_t at : chosen[i].positions) {
            const record_view r = old_[i]->at(at, old_[i]->readable());
            const size_t to = buffer.size();
            buffer.resize(to + r.size());
            std::memcpy(buffer.data() + to, &r.entry(), r.size());
            auto& header = *reinterpret_cast<entry_header*>(buffer.data() + to);
            header.checksum = checksum_entry(buffer.data() + to, header.size, (*s)->salt());
            if (buffer.size() >= write_bytes && !flush()) return false;
        }
    }
    if (!buffer.empty() && !flush()) return false;
    if (cancelled_) return false;
    if (auto r = (*s)->seal(); !r) {
        error_ = r.error().text;
        return false;
    }
    cleaned_.push_back(std::move(*s));
    return true;
}

}  // namespace weft::kafka
