#include "head_index.hpp"

#include <algorithm>

namespace weft::kafka {

namespace {
constexpr uint32_t table_size_min = 32;
}

head_index::head_index(uint32_t interval_bytes) : interval_bytes_(interval_bytes) {
    tables_.push_back(std::make_unique<table>(table_size_min));
    table_.store(tables_.back().get(), std::memory_order_release);
}

void head_index::add(const record_view& r, std::span<const uint8_t> data) {
    if (r.position() >= next_mark_) {
        marks_.append([&](offset_mark& m) { m = {r.offset(), r.position(), 0}; });
        next_mark_ = r.position() + interval_bytes_;
    }
    const auto key = r.key();
    if (!key) return;  // nothing can ask for it
    const auto known = find(r.key_hash(), *key, data);
    const uint32_t previous = known ? keys_[*known].last.load(std::memory_order_relaxed) : 0;
    postings_.append([&](posting& p) { p = {r.position(), previous}; });
    const uint32_t last = postings_.size();
    if (known) {
        keys_[*known].last.store(last, std::memory_order_release);
        return;
    }
    keys_.append([&](entry& e) {
        e.hash = r.key_hash();
        e.oldest = r.position();
        e.last.store(last, std::memory_order_relaxed);
    });
    if (keys_.size() * 2 > tables_.back()->mask) return grow();
    insert(*tables_.back(), r.key_hash(), keys_.size() - 1);
}

void head_index::insert(table& t, uint64_t hash, uint32_t id) {
    uint32_t i = static_cast<uint32_t>(hash) & t.mask;
    while (t.slots[i].load(std::memory_order_relaxed) != 0) i = (i + 1) & t.mask;
    t.slots[i].store(id + 1, std::memory_order_release);
}

void head_index::grow() {
    auto larger = std::make_unique<table>((tables_.back()->mask + 1) * 2);
    for (uint32_t k = 0; k < keys_.size(); ++k) insert(*larger, keys_[k].hash, k);
    tables_.push_back(std::move(larger));
    table_.store(tables_.back().get(), std::memory_order_release);
}

size_t head_index::bytes() const {
    return keys_.bytes() + postings_.bytes() + marks_.bytes() +
           (tables_.back()->mask + 1) * 2 * sizeof(uint32_t);
}

std::optional<uint32_t> head_index::newest(uint32_t key, uint32_t below) const {
    for (uint32_t p = keys_[key].last.load(std::memory_order_acquire); p != 0;) {
        const posting& it = postings_[p - 1];
        if (it.position < below) return it.position;
        p = it.previous;
    }
    return std::nullopt;
}

void head_index::records(uint32_t key, uint32_t from, uint32_t below,
                         std::vector<uint32_t>& out) const {
    for (uint32_t p = keys_[key].last.load(std::memory_order_acquire); p != 0;) {
        const posting& it = postings_[p - 1];
        if (it.position < from) return;
        if (it.position < below) out.push_back(it.position);
        p = it.previous;
    }
}

std::optional<uint32_t> head_index::find(uint64_t hash, std::string_view key,
                                         std::span<const uint8_t> data) const {
    const table& t = *table_.load(std::memory_order_acquire);
    for (uint32_t i = static_cast<uint32_t>(hash) & t.mask;; i = (i + 1) & t.mask) {
        const uint32_t id = t.slots[i].load(std::memory_order_acquire);
        if (id == 0) return std::nullopt;
        if (keys_[id - 1].hash == hash && this->key(id - 1, data) == key) return id - 1;
    }
}

uint32_t head_index::near(int64_t offset) const {
    uint32_t low = 0, high = marks_.size();
    while (low < high) {
        const uint32_t middle = (low + high) / 2;
        if (marks_[middle].offset <= offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low == 0 ? header_bytes : marks_[low - 1].position;
}

}  // namespace weft::kafka
