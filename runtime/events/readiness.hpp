// Who is ready, and what the others wait for.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace weft {

class readiness {
public:
    // on_ready is told once, by the thread that made the last instance ready, or by `begin`.
    void set(const void* instance, const std::string& binding, bool ready,
             const std::string& what) {
        std::function<void()> tell;
        {
            std::lock_guard lock(mutex_);
            if (ready)
                waiting_.erase(instance);
            else
                waiting_[instance] = {binding, what};
            tell = take_if_ready();
        }
        if (tell) tell();
    }
    // It is gone, so nobody waits for it.
    void forget(const void* instance) { set(instance, {}, true, {}); }
    // All instances are attached: from now on "nobody waits" means ready.
    void begin(std::function<void()> on_ready) {
        std::function<void()> tell;
        {
            std::lock_guard lock(mutex_);
            begun_ = true;
            on_ready_ = std::move(on_ready);
            tell = take_if_ready();
        }
        if (tell) tell();
    }
    bool ready() const {
        std::lock_guard lock(mutex_);
        return begun_ && waiting_.empty();
    }
    // One line per binding, without repetitions of its workers.
    std::vector<std::string> waiting_for() const {
        std::lock_guard lock(mutex_);
        std::set<std::string> lines;
        for (const auto& [instance, w] : waiting_) lines.insert(w.first + ": " + w.second);
        return {lines.begin(), lines.end()};
    }

private:
    std::function<void()> take_if_ready() {
        if (!begun_ || !waiting_.empty()) return {};
        return std::exchange(on_ready_, {});
    }

    mutable std::mutex mutex_;
    std::map<const void*, std::pair<std::string, std::string>> waiting_;
    std::function<void()> on_ready_;
    bool begun_ = false;
};

}  // namespace weft
