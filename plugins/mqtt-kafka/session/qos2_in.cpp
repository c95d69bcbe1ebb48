#include "session/qos2_in.hpp"

#include "session/session_load.hpp"

#include <algorithm>
#include <set>

namespace weft::mqtt_kafka {

namespace {
// Numbers of an owner begin at its epoch: those of later owners and sessions are higher.
constexpr int numbers_per_epoch_bits = 24;
}  // namespace

qos2_in::qos2_in(int64_t epoch) : next_(epoch << numbers_per_epoch_bits) {}

qos2_in::status qos2_in::of(uint16_t packet_id) const {
    const auto at = ids_.find(packet_id);
    return at == ids_.end() ? status::unknown : at->second.is;
}

int64_t qos2_in::begin(uint16_t packet_id, bool resent) {
    entry& e = ids_[packet_id];
    if (!resent || resent_next_ < 0) return e.number = next_++;
    if (missing_.empty()) return e.number = resent_next_++;
    e.number = missing_.front();
    missing_.pop_front();
    return e.number;
}

void qos2_in::done(uint16_t packet_id, const std::string& topic, int32_t partition,
                   int64_t offset) {
    const auto at = ids_.find(packet_id);
    if (at == ids_.end()) return;
    at->second.is = status::received;
    at->second.topic = topic;
    at->second.partition = partition;
    if (place* p = find(topic, partition))
        p->next = std::max(p->next, offset + 1);
    else
        places_.push_back({topic, partition, offset + 1, true});  // the topic got a new partition
}

const qos2_in::place* qos2_in::find_topic(std::string_view topic) const {
    const auto at = std::find_if(places_.begin(), places_.end(),
                                 [&](const place& p) { return p.next >= 0 && p.topic == topic; });
    return at == places_.end() ? nullptr : &*at;
}

qos2_in::place* qos2_in::find(std::string_view topic, int32_t partition) {
    const auto at = std::find_if(places_.begin(), places_.end(), [&](const place& p) {
        return p.topic == topic && p.partition == partition;
    });
    return at == places_.end() ? nullptr : &*at;
}

bool qos2_in::knows(std::string_view topic) const {
    const place* p = find_topic(topic);
    return p && p->known;
}

void qos2_in::open(const std::string& topic, const std::vector<partition_next>& from) {
    for (const auto& p : from) {
        if (place* at = find(topic, p.partition))
            at->next = std::max(at->next, p.next);
        else
            places_.push_back({topic, p.partition, p.next});
    }
}

int64_t qos2_in::lowest_number() const {
    int64_t lowest = next_;
    for (const auto& [id, e] : ids_)
        if (e.is == status::producing) lowest = std::min(lowest, e.number);
    return missing_.empty() ? lowest : std::min(lowest, missing_.front());
}

session_offsets qos2_in::write(bool closing) {
    session_offsets out;
    const int64_t number = lowest_number();
    for (auto& [id, e] : ids_)
        if (e.is == status::releasing) e.in_write = true;
    for (place& p : places_) {
        session_offsets::partition to;
        for (const auto& [id, e] : ids_)
            if (e.is == status::received && e.partition == p.partition && e.topic == p.topic)
                to.packet_ids.push_back(id);
        p.in_write = true;
        if (closing && to.packet_ids.empty()) continue;
        to.topic = p.topic;
        to.id = p.partition;
        to.position = closing ? session_offsets::closed : p.next;
        to.next_number = number;
        out.partitions.push_back(std::move(to));
    }
    return out;
}

std::vector<uint16_t> qos2_in::written() {
    std::vector<uint16_t> released;
    for (auto at = ids_.begin(); at != ids_.end();) {
        if (!at->second.in_write) {
            ++at;
            continue;
        }
        released.push_back(at->first);
        at = ids_.erase(at);
    }
    for (place& p : places_) p.known = p.known || p.in_write;
    return released;
}

void qos2_in::restore(const loaded_session& from) {
    int64_t first = -1;
    for (const auto& p : from.qos2.partitions) {
        first = std::max(first, p.next_number);
        if (p.position >= 0) places_.push_back({p.topic, p.id, p.position, true});
        for (const uint16_t id : p.packet_ids)
            ids_[id] = {status::received, false, p.id, 0, p.topic};
    }
    std::set<int64_t> found;
    for (const auto& p : from.published) {
        ids_[p.packet_id] = {status::received, false, p.partition, p.number, p.topic};
        if (place* at = find(p.topic, p.partition)) at->next = std::max(at->next, p.offset + 1);
        found.insert(p.number);
    }
    // Ids without a place would not be written again.
    for (const auto& [id, e] : ids_)
        if (!find(e.topic, e.partition))
            places_.push_back({e.topic, e.partition, session_offsets::closed});
    if (first < 0) return;
    constexpr int64_t missing_max = UINT16_MAX;  // no more can be without an answer
    const int64_t last = found.empty() ? first - 1 : *found.rbegin();
    for (int64_t n = std::max(first, last - missing_max); n <= last; ++n)
        if (!found.contains(n)) missing_.push_back(n);
    resent_next_ = std::max(first, last + 1);
}

}  // namespace weft::mqtt_kafka
