// Which session of this process has which client id: a newer one ends the older (MQTT 5, 3.1.4-3),
// on whatever worker it is. Touched at connect and disconnect only.
#pragma once

#include <mutex>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace weft::mqtt_kafka {

class registered_session;

// The sessions of one worker, as the registry sees them. Called on any thread.
class session_home {
public:
    // Some of this home's sessions have been displaced: take them
    // (session_registry::take_displaced) on the home's own thread. Must not call back into the
    // registry.
    virtual void displaced_soon() = 0;

protected:
    ~session_home() = default;
};

class registered_session {
public:
    std::string_view client_id() const { return client_id_; }

protected:
    ~registered_session() = default;
    std::string_view client_id_;  // of memory that outlives the registration
    session_home* home_ = nullptr;

private:
    friend class session_registry;
    bool displaced_ = false;
};

class session_registry {
public:
    // Registers s; a session with the same client id is displaced.
    void claim(registered_session& s) {
        const std::lock_guard lock(mutex_);
        if (const auto found = sessions_.find(&s); found != sessions_.end()) {
            registered_session* old = *found;
            sessions_.erase(found);
            old->displaced_ = true;
            displaced_[old->home_].push_back(old);
            old->home_->displaced_soon();  // under the lock: the home cannot go while it has a
                                           // registered session
        }
        sessions_.insert(&s);
    }

    // Before s is freed. Called on its home's thread.
    void release(registered_session& s) {
        const std::lock_guard lock(mutex_);
        if (const auto found = sessions_.find(&s); found != sessions_.end() && *found == &s)
            sessions_.erase(found);
        if (s.displaced_) std::erase(displaced_[s.home_], &s);
    }

    // The displaced sessions of a home, each told once. Called on the home's thread.
    std::vector<registered_session*> take_displaced(session_home& home) {
        const std::lock_guard lock(mutex_);
        const auto found = displaced_.find(&home);
        if (found == displaced_.end()) return {};
        auto list = std::move(found->second);
        displaced_.erase(found);
        for (auto* s : list) s->displaced_ = false;
        return list;
    }

private:
    struct by_id {
        size_t operator()(const registered_session* s) const {
            return std::hash<std::string_view>{}(s->client_id());
        }
    };
    struct same_id {
        bool operator()(const registered_session* a, const registered_session* b) const {
            return a->client_id() == b->client_id();
        }
    };
    std::mutex mutex_;
    std::unordered_set<registered_session*, by_id, same_id> sessions_;
    std::unordered_map<session_home*, std::vector<registered_session*>> displaced_;
};

}  // namespace weft::mqtt_kafka
