// What Kafka has acknowledged to this process, on any worker and in any generation of the binding.
//
// A tail lags behind Kafka by a fetch. Who subscribes after a publish was acknowledged must not get
// it as live, and who was subscribed before one was acknowledged must not get it as a retained
// replay: so subscriptions begin behind what is acknowledged here.
//
// The objects are shared by generations (weft.shared/1), so they are plain data; a change of one is
// a new version of it.
#pragma once

#include <weft/hash.hpp>
#include <weft/shared.hpp>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

namespace weft::mqtt_kafka {

// Of one Kafka topic. Any thread; add costs an atomic operation.
class acknowledged_offsets {
public:
    static constexpr const char* name = "mqtt-kafka.acknowledged.";
    static constexpr uint32_t version = 1;
    static constexpr int32_t partitions_max = 1024;  // of those beyond, nothing is known

    void add(int32_t partition, int64_t offset) {
        if (partition < 0 || partition >= partitions_max) return;
        auto& next = next_[partition];
        int64_t known = next.load(std::memory_order_relaxed);
        while (known <= offset &&
               !next.compare_exchange_weak(known, offset + 1, std::memory_order_release)) {
        }
    }
    // The partition is of a topic that was made again.
    void restart(int32_t partition, int64_t next) {
        if (partition < 0 || partition >= partitions_max) return;
        next_[partition].store(next, std::memory_order_release);
    }
    // The offset behind the newest acknowledged record; 0 when there is none.
    int64_t next(int32_t partition) const {
        if (partition < 0 || partition >= partitions_max) return 0;
        return next_[partition].load(std::memory_order_acquire);
    }

private:
    std::atomic<int64_t> next_[partitions_max]{};
};

// The retained copies that were acknowledged lately, in order.
class acknowledged_copies {
public:
    static constexpr const char* name = "mqtt-kafka.copies.";
    static constexpr uint32_t version = 1;
    static constexpr uint64_t copies_max =
        4096;  // older ones are replayed with RETAIN set, as if they were earlier

    uint64_t now() {
        const std::lock_guard lock(mutex_);
        return sequence_;
    }
    void add(std::string_view topic, int32_t partition, int64_t offset) {
        const std::lock_guard lock(mutex_);
        copies_[++sequence_ % copies_max] = {fnv1a_64(topic), offset, partition, 0};
    }
    // Was this record acknowledged after `since`? Then its message is still to come live.
    bool is_later(std::string_view topic, int32_t partition, int64_t offset, uint64_t since) {
        const std::lock_guard lock(mutex_);
        if (since >= sequence_) return false;
        const uint64_t hash = fnv1a_64(topic);
        const uint64_t kept = sequence_ - since < copies_max ? sequence_ - since : copies_max;
        for (uint64_t at = sequence_; at > sequence_ - kept; --at) {
            const copy& c = copies_[at % copies_max];
            if (c.offset == offset && c.partition == partition && c.topic == hash) return true;
        }
        return false;
    }

private:
    struct copy {
        uint64_t topic;  // FNV-1a of its name
        int64_t offset;
        int32_t partition;
        uint32_t pad;
    };
    plain_mutex mutex_;
    copy copies_[copies_max]{};
    uint64_t sequence_ = 0;
};

// One binding's hold on these; used by all its workers.
class acknowledged {
public:
    // `binding`: its qualified name. Bindings may lead to different clusters.
    explicit acknowledged(const std::string& binding = {})
        : binding_(binding),
          copies_(shared_ref<acknowledged_copies>::acquire(acknowledged_copies::name + binding,
                                                           acknowledged_copies::version)) {}

    shared_ref<acknowledged_offsets> of(const std::string& topic) const {
        return shared_ref<acknowledged_offsets>::acquire(
            acknowledged_offsets::name + binding_ + '/' + topic, acknowledged_offsets::version);
    }
    acknowledged_copies& copies() const { return *copies_; }

private:
    std::string binding_;
    shared_ref<acknowledged_copies> copies_;
};

}  // namespace weft::mqtt_kafka
