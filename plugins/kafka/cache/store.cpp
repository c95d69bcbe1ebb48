#include "store.hpp"

#include <algorithm>
#include <stdexcept>

namespace weft::kafka {

std::string store_name(const std::string& binding, const std::string& build) {
    return binding + "@" + build;
}

bool readable_store(std::string_view name, const std::string& build) {
    return name.ends_with("@" + build);
}

void log_listener::wake() {
    if (pending.exchange(true, std::memory_order_acq_rel)) return;
    services.reactor->post(on.handle(), fn, ctx);  // a detached instance has nobody to wake
}

void shared_topic::put(int32_t partition, std::shared_ptr<partition_log> log) {
    {
        const std::lock_guard lock(mutex_);
        const auto i = static_cast<size_t>(partition);
        if (logs_.size() <= i) logs_.resize(i + 1);
        logs_[i].swap(log);
        version_.fetch_add(1, std::memory_order_acq_rel);
    }
    wake_all();
}

std::shared_ptr<partition_log> shared_topic::log(int32_t partition) const {
    const std::lock_guard lock(mutex_);
    const auto i = static_cast<size_t>(partition);
    return i < logs_.size() ? logs_[i] : nullptr;
}

void shared_topic::listen(log_listener& l) {
    const std::lock_guard lock(mutex_);
    listeners_.push_back(&l);
}

void shared_topic::forget(log_listener& l) {
    const std::lock_guard lock(mutex_);
    std::erase(listeners_, &l);
}

void shared_topic::wake_all() const {
    const std::lock_guard lock(mutex_);
    for (auto* l : listeners_) l->wake();
}

void store::serve(const void* id, weft::worker w,
                  std::function<void(const std::string&)> on_topic) {
    std::vector<std::string> known;
    {
        const std::lock_guard lock(mutex_);
        servers_.push_back({id, w, on_topic});
        for (const auto& [name, topic] : topics_) known.push_back(name);
    }
    for (const auto& name : known) on_topic(name);
}

void store::stop_serving(const void* id) {
    const std::lock_guard lock(mutex_);
    std::erase_if(servers_, [&](const auto& s) { return s.id == id; });
}

shared_topic& store::topic(const std::string& name) {
    const std::lock_guard lock(mutex_);
    auto& slot = topics_[name];
    if (!slot) {
        slot = std::make_unique<shared_topic>();
        for (const auto& s : servers_) s.on.post([f = s.on_topic, name] { f(name); });
    }
    return *slot;
}

store_ref::store_ref(const std::string& name) : key_("kafka.cache/" + name) {
    if (!services.shared)
        throw std::runtime_error("the host lacks weft.shared, which the kafka cache needs");
    const auto make = [](void* ctx) -> void* {
        return new store(*static_cast<const std::string*>(ctx));
    };
    const auto destroy = [](void* object) { delete static_cast<store*>(object); };
    std::string copy = name;
    store_ = static_cast<store*>(services.shared->acquire(
        services.host, key_.c_str(), store::layout_version, make, &copy, destroy));
    if (!store_) throw std::runtime_error("the log store '" + name + "' is of another layout");
}

store_ref::~store_ref() {
    if (store_) services.shared->release(services.host, key_.c_str());
}

}  // namespace weft::kafka
