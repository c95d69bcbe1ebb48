// What the workers of one cache_server share: the logs of its topics, and who wants to hear of new
// records.
//
// It is full of objects with code behind them, so only one build of the plugin can use it: it lives
// in weft.shared under the binding's name and what tells builds apart. Generations of one build
// share it; another build opens the files anew. Every member may be used on any thread unless it
// says otherwise; the locks are taken when logs or streams come and go and once per batch, never
// per record.
#pragma once

#include "log/partition_log.hpp"

#include <weft/worker.hpp>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace weft::kafka {

// The name of a cache_server's store as META streams carry it: with the build that can read it.
std::string store_name(const std::string& binding, const std::string& build);
// Whether a store of that name is of this build.
bool readable_store(std::string_view name, const std::string& build);

// Runs `fn(ctx)` on a worker when records have come. Posts that have not run yet are merged. `ctx`
// lives until the instance's detach.
struct log_listener {
    weft::worker on;
    void (*fn)(void* ctx) = nullptr;
    void* ctx = nullptr;
    std::atomic<bool> pending{false};

    void wake();
    // First thing in fn: what comes from here on wakes again.
    void awake() { pending.exchange(false, std::memory_order_acq_rel); }
};

// A topic's logs, by partition. A log is here once it is known to continue what Kafka has.
class shared_topic {
public:
    void put(int32_t partition, std::shared_ptr<partition_log> log);  // null takes it away
    std::shared_ptr<partition_log> log(int32_t partition) const;
    // Changes whenever put was called.
    uint64_t version() const { return version_.load(std::memory_order_acquire); }

    void listen(log_listener& l);
    void forget(log_listener& l);
    void wake_all() const;

private:
    mutable std::mutex mutex_;
    std::vector<std::shared_ptr<partition_log>> logs_;
    std::vector<log_listener*> listeners_;
    std::atomic<uint64_t> version_{0};
};

class store {
public:
    static constexpr uint32_t layout_version = 1;

    explicit store(std::string name) : name_(std::move(name)) {}

    // A server instance, told once of every topic that somebody wants, on its worker. Told of known
    // ones at once.
    void serve(const void* id, weft::worker w, std::function<void(const std::string&)> on_topic);
    void stop_serving(const void* id);

    // The topic is wanted by somebody: all servers take part, since partitions are divided among
    // them.
    shared_topic& topic(const std::string& name);

    const std::shared_ptr<memory_budget>& memory() const { return memory_; }

private:
    struct server {
        const void* id;
        weft::worker on;
        std::function<void(const std::string&)> on_topic;
    };
    const std::string name_;
    const std::shared_ptr<memory_budget> memory_ = std::make_shared<memory_budget>(0);
    std::mutex mutex_;
    std::vector<server> servers_;
    std::map<std::string, std::unique_ptr<shared_topic>, std::less<>> topics_;
};

// A reference to the store of a name; made by the first who asks.
class store_ref {
public:
    store_ref() = default;
    explicit store_ref(const std::string& name);
    store_ref(store_ref&& o) noexcept
        : key_(std::move(o.key_)), store_(std::exchange(o.store_, nullptr)) {}
    store_ref& operator=(store_ref&& o) noexcept {
        std::swap(key_, o.key_);
        std::swap(store_, o.store_);
        return *this;
    }
    ~store_ref();
    explicit operator bool() const { return store_ != nullptr; }
    store* operator->() const { return store_; }

private:
    std::string key_;
    store* store_ = nullptr;
};

}  // namespace weft::kafka
