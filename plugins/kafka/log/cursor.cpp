#include "cursor.hpp"

#include <algorithm>

namespace weft::kafka {

namespace {

// Below this many bytes it is cheaper to look at every record than at every key of the segment.
constexpr uint32_t scan_bytes_per_key = 256;

// The segment that holds `offset` or, when no record has it, the next one; null when there is none.
// `lost` when records from `offset` on are missing.
segment_ptr find_segment(const segment_list& list, int64_t offset, bool& lost) {
    lost = false;
    if (list.empty()) return nullptr;
    auto it = std::upper_bound(list.begin(), list.end(), offset,
                               [](int64_t o, const segment_ptr& s) { return o < s->base(); });
    if (it != list.begin()) --it;
    if (offset >= (*it)->next() && it + 1 != list.end()) ++it;
    lost = offset < (*it)->follows() && offset < (*it)->base();
    return *it;
}

}  // namespace

bool cursor::locate(read_state& why) {
    bool lost = false;
    const auto now = log_->snapshot();
    segment_ = find_segment(now->segments, wanted_, lost);
    if (lost || !segment_) {
        segment_.reset();
        why = lost || wanted_ < now->start ? read_state::lost : read_state::end;
        return false;
    }
    position_ = segment_->seek(wanted_, segment_->readable());
    return true;
}

bool cursor::move_on(read_state& why) {
    why = read_state::end;
    if (!segment_->sealed()) return false;
    // All of it was read, and it may stand for offsets behind its last record.
    wanted_ = std::max(wanted_, segment_->next());
    const auto now = log_->snapshot();
    const auto& list = now->segments;
    const auto it = std::upper_bound(list.begin(), list.end(), segment_->base(),
                                     [](int64_t b, const segment_ptr& s) { return b < s->base(); });
    if (it == list.end()) return false;
    segment_->give_back();
    if ((*it)->follows() > wanted_) {
        // Cleaning may have put one segment in the place of several.
        segment_.reset();
        return locate(why);
    }
    segment_ = *it;
    position_ = header_bytes;
    return true;
}

read_state cursor::next(record_view& out) {
    read_state why = read_state::end;
    if (!segment_ && !locate(why)) return why;
    for (;;) {
        const bool sealed =
            segment_->sealed();  // asked before the length: a sealed one does not grow
        const uint32_t end = segment_->readable();
        while (position_ < end) {
            out = segment_->at(position_, end);
            if (!out) return read_state::lost;
            position_ += out.size();
            if (out.offset() < wanted_) continue;
            wanted_ = out.offset() + 1;
            return read_state::record;
        }
        if (!sealed || !move_on(why)) return why;
    }
}

// Prepares the part of the range that lies in the next segment.
read_state filtered_cursor::enter() {
    if (wanted_ >= q_.to) return read_state::end;
    const int64_t next = log_->next();  // read first: all below it is readable then
    if (q_.newest_per_key && next < q_.to) return read_state::wait;
    if (wanted_ >= next) return read_state::wait;
    const auto now = log_->snapshot();
    const auto& list = now->segments;
    bool lost = false;
    auto s = find_segment(list, wanted_, lost);
    if (lost || !s) return lost || wanted_ < now->start ? read_state::lost : skip_to(next);

    end_ = s->readable();
    const bool last = s == list.back();
    after_ = last ? std::min(q_.to, next) : std::min(q_.to, std::max(s->next(), wanted_ + 1));
    if (s->next() > q_.to) end_ = s->seek(q_.to, end_);
    position_ = s->seek(wanted_, end_);
    index_ = s->index();
    key_count_ =
        q_.filters.exact() ? static_cast<uint32_t>(q_.filters.keys().size()) : index_->key_count();
    by_index_ = q_.newest_per_key || q_.filters.exact() ||
                (!q_.filters.all() && (end_ - position_) / scan_bytes_per_key > key_count_);
    next_key_ = 0;
    matches_.clear();
    match_ = 0;
    collected_ = false;
    later_.clear();
    if (q_.newest_per_key) {
        auto it = std::find(list.begin(), list.end(), s);
        for (++it; it != list.end() && (*it)->base() < q_.to; ++it)
            later_.push_back({*it, (*it)->index()});
    }
    segment_ = std::move(s);
    active_ = true;
    return read_state::record;
}

// No segment holds anything from wanted_ on.
read_state filtered_cursor::skip_to(int64_t next) {
    wanted_ = std::min(next, q_.to);
    return wanted_ >= q_.to ? read_state::end : read_state::wait;
}

read_state filtered_cursor::next(record_view& out, uint32_t& budget) {
    for (;;) {
        if (!active_) {
            if (const auto s = enter(); s != read_state::record) return s;
        }
        if (by_index_) {
            if (!collected_ && !collect(budget)) return read_state::busy;
            while (match_ < matches_.size()) {
                if (budget == 0) return read_state::busy;
                --budget;
                out = segment_->at(matches_[match_++], end_);
                if (!out) return read_state::lost;
                wanted_ = out.offset() + 1;
                if (q_.newest_per_key && (out.null_value() || out.value().empty())) continue;
                return read_state::record;
            }
        } else if (const auto s = scan(out, budget); s != read_state::end) {
            return s;
        }
        if (!by_index_ && segment_->sealed()) segment_->give_back();
        wanted_ = std::max(wanted_, after_);
        active_ = false;
    }
}

read_state filtered_cursor::scan(record_view& out, uint32_t& budget) {
    while (position_ < end_) {
        if (budget == 0) return read_state::busy;
        --budget;
        out = segment_->at(position_, end_);
        if (!out) return read_state::lost;
        position_ += out.size();
        wanted_ = out.offset() + 1;
        if (q_.filters.all()) return read_state::record;
        const auto key = out.key();
        if (key && q_.filters.matches(*key)) return read_state::record;
    }
    return read_state::end;
}

// Gathers the positions of matching records in this segment; false when the budget ended first.
bool filtered_cursor::collect(uint32_t& budget) {
    const auto data = segment_->bytes(segment_->readable());
    for (; next_key_ < key_count_; ++next_key_) {
        if (budget == 0) return false;
        --budget;
        uint32_t key = next_key_;
        if (q_.filters.exact()) {
            const auto& wanted = q_.filters.keys()[next_key_];
            const auto found = index_->find(wanted.hash, wanted.key, data);
            if (!found) continue;
            key = *found;
        } else if (!q_.filters.matches(index_->key(key, data))) {
            continue;
        }
        collect_key(key);
    }
    std::sort(matches_.begin(), matches_.end());
    // The same key may be asked for twice.
    matches_.erase(std::unique(matches_.begin(), matches_.end()), matches_.end());
    collected_ = true;
    return true;
}

void filtered_cursor::collect_key(uint32_t key) {
    if (!q_.newest_per_key) return index_->records(key, position_, end_, matches_);
    const auto newest = index_->newest(key, end_);
    if (!newest || *newest < position_) return;
    if (!superseded(index_->key(key, segment_->bytes(segment_->readable())), index_->hash(key)))
        matches_.push_back(*newest);
}

bool filtered_cursor::superseded(std::string_view key, uint64_t hash) const {
    return std::any_of(later_.begin(), later_.end(), [&](const later& l) {
        const uint32_t end = l.segment->readable();
        const auto found = l.index->find(hash, key, l.segment->bytes(end));
        if (!found) return false;
        const record_view oldest = l.segment->at(l.index->oldest(*found), end);
        return oldest && oldest.offset() < q_.to;
    });
}

}  // namespace weft::kafka
