// Process-wide objects of plugins, by name: service weft.shared/1.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace weft {

class shared_objects {
public:
    void* acquire(const std::string& key, uint32_t version, void* (*make)(void*), void* ctx,
                  void (*destroy)(void*)) {
        std::lock_guard lock(mutex_);
        auto it = objects_.find(key);
        if (it == objects_.end()) {
            void* object = make(ctx);
            if (!object) return nullptr;
            it = objects_.emplace(key, entry{object, version, 0, destroy}).first;
        }
        if (it->second.version != version) return nullptr;
        ++it->second.references;
        return it->second.object;
    }
    void release(const std::string& key) {
        entry gone{};
        {
            std::lock_guard lock(mutex_);
            const auto it = objects_.find(key);
            if (it == objects_.end() || --it->second.references != 0) return;
            gone = it->second;
            objects_.erase(it);
        }
        gone.destroy(gone.object);
    }

private:
    struct entry {
        void* object;
        uint32_t version, references;
        void (*destroy)(void*);
    };
    std::mutex mutex_;
    std::map<std::string, entry> objects_;
};

}  // namespace weft
