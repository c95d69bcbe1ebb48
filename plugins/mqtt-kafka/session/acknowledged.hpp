// What Kafka has acknowledged to this process, on any worker.
//
// A tail lags behind Kafka by a fetch. Who subscribes after a publish was acknowledged must not get
// it as live, and who was subscribed before one was acknowledged must not get it as a retained
// replay: so subscriptions begin behind what is acknowledged here.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace weft::mqtt_kafka {

// Of one Kafka topic. Any thread; add costs an atomic operation.
class acknowledged_offsets {
public:
    static constexpr int32_t partitions_max = 1024;  // of those beyond, nothing is known

    void add(int32_t partition, int64_t offset) {
        if (partition < 0 || partition >= partitions_max) return;
        auto& next = next_[static_cast<size_t>(partition)];
        int64_t known = next.load(std::memory_order_relaxed);
        while (known <= offset &&
               !next.compare_exchange_weak(known, offset + 1, std::memory_order_release)) {
        }
    }
    // The offset behind the newest acknowledged record; 0 when there is none.
    int64_t next(int32_t partition) const {
        if (partition < 0 || partition >= partitions_max) return 0;
        return next_[static_cast<size_t>(partition)].load(std::memory_order_acquire);
    }

private:
    std::array<std::atomic<int64_t>, partitions_max> next_{};
};

// The retained copies that were acknowledged lately, in order.
class acknowledged_copies {
public:
    static constexpr size_t copies_max =
        4096;  // older ones are replayed with RETAIN set, as if they were earlier

    uint64_t now() const {
        const std::lock_guard lock(mutex_);
        return sequence_;
    }
    void add(const std::string& topic, int32_t partition, int64_t offset) {
        const std::lock_guard lock(mutex_);
        copies_.push_back({topic, offset, ++sequence_, partition});
        if (copies_.size() > copies_max) copies_.pop_front();
    }
    // Was this record acknowledged after `since`? Then its message is still to come live.
    bool is_later(const std::string& topic, int32_t partition, int64_t offset,
                  uint64_t since) const {
        const std::lock_guard lock(mutex_);
        const auto from = std::partition_point(copies_.begin(), copies_.end(),
                                               [&](const copy& c) { return c.sequence <= since; });
        return std::any_of(from, copies_.end(), [&](const copy& c) {
            return c.offset == offset && c.partition == partition && c.topic == topic;
        });
    }

private:
    struct copy {
        std::string topic;
        int64_t offset;
        uint64_t sequence;
        int32_t partition;
    };
    mutable std::mutex mutex_;
    std::deque<copy> copies_;
    uint64_t sequence_ = 0;
};

// One per binding, shared by its workers.
class acknowledged {
public:
    std::shared_ptr<acknowledged_offsets> of(const std::string& topic) {
        const std::lock_guard lock(mutex_);
        auto& offsets = topics_[topic];
        auto known = offsets.lock();
        if (!known) offsets = known = std::make_shared<acknowledged_offsets>();
        return known;
    }
    acknowledged_copies copies;

private:
    std::mutex mutex_;
    std::map<std::string, std::weak_ptr<acknowledged_offsets>> topics_;
};

}  // namespace weft::mqtt_kafka
