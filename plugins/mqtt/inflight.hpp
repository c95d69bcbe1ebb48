// inflight: the packet ids that a client uses for QoS 1 and 2 publishes of this connection, and how
// far each has come. Which ids of an earlier connection are unreleased only the provider knows; one
// of them enters here with its PUBREL.
//
//   PUBLISH QoS 1: sent_1 -----------------------------------------PUBACK---> (free)
//   PUBLISH QoS 2: sent_2 -PUBREC-> received -PUBREL-> releasing --PUBCOMP--> (free)
//   PUBREL of an earlier connection:                   resumed ----PUBCOMP--> (free)
//
// A hash table that is empty memory until the first id. `find` gives a pointer that is valid until
// the next add or remove.
#pragma once

#include <bit>
#include <cstdint>
#include <memory>
#include <utility>

namespace weft::mqtt {

enum class publish_state : uint8_t { sent_1, sent_2, received, releasing, resumed };

inline publish_state sent(uint8_t qos) {
    return qos == 1 ? publish_state::sent_1 : publish_state::sent_2;
}

class inflight {
public:
    struct entry {
        uint16_t id = 0;  // 0: a free place, as no packet id is 0
        publish_state is = publish_state::sent_1;
        uint8_t exit = 0;  // which stream its PUBREL goes to, see connection::session_at
    };

    // Publishes that count against Receive Maximum: all but resumed ones (4.9).
    uint32_t quota_used() const { return uint32_t{size_} - resumed_; }
    // Publishes without PUBACK or PUBREC: what holds a client that has no Receive Maximum.
    uint32_t unanswered() const { return unanswered_; }
    uint32_t resumed() const { return resumed_; }

    entry* find(uint16_t id) {
        if (size_ == 0) return nullptr;
        entry& e = places_[place_of(id)];
        return e.id == id ? &e : nullptr;
    }
    // `id` must not be in here.
    void add(uint16_t id, publish_state is, uint8_t exit) {
        if ((size_ + 1u) * 4 > capacity() * 3) resize(capacity() == 0 ? 8 : capacity() * 2);
        entry& e = places_[place_of(id)];
        e = {id, is, exit};
        ++size_;
        count(is, 1);
    }
    void move(entry& e, publish_state to) {
        count(e.is, -1);
        e.is = to;
        count(to, 1);
    }
    void remove(entry& e) {
        count(e.is, -1);
        --size_;
        if (size_ == 0 && capacity() > keep_places) {
            places_.reset();
            return;
        }
        const uint32_t mask = capacity() - 1;
        // Moves what was pushed behind this place by it back, so that no tombstones are needed.
        uint32_t hole = static_cast<uint32_t>(&e - places_.get());
        for (uint32_t i = (hole + 1) & mask; places_[i].id != 0; i = (i + 1) & mask) {
            const uint32_t home = hash(places_[i].id) & mask;
            if (((i - home) & mask) < ((i - hole) & mask)) continue;
            places_[hole] = places_[i];
            hole = i;
        }
        places_[hole] = {};
    }

private:
    static constexpr uint32_t keep_places = 64;

    static uint32_t hash(uint16_t id) { return id * 0x9e37u >> 4; }
    uint32_t capacity() const { return places_ ? 1u << capacity_log2_ : 0; }
    uint32_t place_of(uint16_t id) const {
        const uint32_t mask = capacity() - 1;
        uint32_t i = hash(id) & mask;
        while (places_[i].id != 0 && places_[i].id != id) i = (i + 1) & mask;
        return i;
    }
    void count(publish_state is, int by) {
        if (is <= publish_state::sent_2) unanswered_ = static_cast<uint16_t>(unanswered_ + by);
        if (is == publish_state::resumed) resumed_ = static_cast<uint16_t>(resumed_ + by);
    }
    void resize(uint32_t n) {
        const uint32_t old = capacity();
        const auto from = std::exchange(places_, std::make_unique<entry[]>(n));
        capacity_log2_ = static_cast<uint8_t>(std::countr_zero(n));
        for (uint32_t i = 0; i < old; ++i)
            if (from[i].id != 0) places_[place_of(from[i].id)] = from[i];
    }

    std::unique_ptr<entry[]> places_;
    uint16_t size_ = 0, unanswered_ = 0, resumed_ = 0;  // there are 65535 ids
    uint8_t capacity_log2_ = 0;
};

}  // namespace weft::mqtt
