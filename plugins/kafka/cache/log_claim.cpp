#include "log_claim.hpp"

#include <algorithm>
#include <array>
#include <mutex>
#include <stdexcept>
#include <type_traits>

namespace weft::kafka {

// What generations share. A change of its layout is a new `layout`: a build that does not know it
// cannot share a log with one that does, and says so.
struct log_owner {
    static constexpr uint32_t layout = 1;
    static constexpr size_t waiters_max = 8;  // more generations than can live at once
    struct waiter {
        const void* who;  // only compared
        weft_worker* on;
        void (*fn)(void*);
        void* ctx;
    };
    std::mutex mutex;
    const void* owner = nullptr;  // only compared
    uint32_t waiting = 0;
    std::array<waiter, waiters_max> waiters{};  // in the order of asking

    void forget(const void* who) {
        const auto end = waiters.begin() + waiting;
        const auto at = std::find_if(waiters.begin(), end, [&](auto& w) { return w.who == who; });
        if (at == end) return;
        std::move(at + 1, end, at);
        --waiting;
    }
    // Under the lock: so the first cannot leave while it is woken.
    void wake_first() {
        while (waiting > 0) {
            const waiter& w = waiters.front();
            if (services.reactor->post(w.on, w.fn, w.ctx) == WEFT_OK) return;
            forget(w.who);  // detached meanwhile
        }
    }
};
static_assert(std::is_standard_layout_v<log_owner>);

log_claim::log_claim(const std::string& folder) : key_("kafka.log/" + folder) {
    if (!services.shared)
        throw std::runtime_error("the host lacks weft.shared, which the kafka cache needs");
    const auto make = [](void*) -> void* { return new log_owner; };
    const auto destroy = [](void* object) { delete static_cast<log_owner*>(object); };
    shared_ = static_cast<log_owner*>(services.shared->acquire(
        services.host, key_.c_str(), log_owner::layout, make, nullptr, destroy));
    if (!shared_)
        throw std::runtime_error("the log in " + folder +
                                 " is in use by another version of the kafka plugin");
}

log_claim::~log_claim() {
    release();
    services.shared->release(services.host, key_.c_str());
}

bool log_claim::take(weft::worker on, void (*fn)(void*), void* ctx) {
    const std::lock_guard lock(shared_->mutex);
    auto& s = *shared_;
    if (s.owner == this) return true;
    if (!s.owner && (s.waiting == 0 || s.waiters.front().who == this)) {
        s.forget(this);
        s.owner = this;
        return true;
    }
    const auto end = s.waiters.begin() + s.waiting;
    if (std::any_of(s.waiters.begin(), end, [&](const auto& w) { return w.who == this; }))
        return false;
    if (s.waiting == log_owner::waiters_max)
        throw std::runtime_error("too many generations wait for " + key_);
    s.waiters[s.waiting++] = {this, on.handle(), fn, ctx};
    return false;
}

void log_claim::release() {
    const std::lock_guard lock(shared_->mutex);
    const bool was_first = shared_->waiting > 0 && shared_->waiters.front().who == this;
    shared_->forget(this);
    if (shared_->owner == this) {
        shared_->owner = nullptr;
    } else if (!was_first || shared_->owner) {
        return;
    }
    shared_->wake_first();
}

}  // namespace weft::kafka
