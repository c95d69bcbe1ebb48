// Process-wide objects of plugins, by name: service weft.shared/1.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace weft {

class shared_objects {
public:
    // `holder` is the plugin generation that asks; its own `destroy` serves its releases.
    void* acquire(const void* holder, const std::string& key, uint32_t version,
                  void* (*make)(void*), void* ctx, void (*destroy)(void*)) {
        std::lock_guard lock(mutex_);
        auto it = objects_.find(key);
        if (it == objects_.end()) {
            void* object = make(ctx);
            if (!object) return nullptr;
            it = objects_.emplace(key, entry{object, version, {}}).first;
        }
        if (it->second.version != version) return nullptr;
        auto& h = it->second.holders[holder];
        ++h.references;
        h.destroy = destroy;
        return it->second.object;
    }
    void release(const void* holder, const std::string& key) {
        void* object = nullptr;
        void (*destroy)(void*) = nullptr;
        {
            std::lock_guard lock(mutex_);
            const auto it = objects_.find(key);
            if (it == objects_.end()) return;
            auto& holders = it->second.holders;
            const auto h = holders.find(holder);
            if (h == holders.end() || --h->second.references != 0) return;
            destroy = h->second.destroy;
            holders.erase(h);
            if (!holders.empty()) return;
            object = it->second.object;
            objects_.erase(it);
        }
        destroy(object);
    }

private:
    struct holding {
        uint32_t references = 0;
        void (*destroy)(void*) = nullptr;
    };
    struct entry {
        void* object;
        uint32_t version;
        std::map<const void*, holding> holders;
    };
    std::mutex mutex_;
    std::map<std::string, entry> objects_;
};

}  // namespace weft
