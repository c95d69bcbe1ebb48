// shared_ref, plain_mutex: a reference to an object that all generations of a plugin in this
// process share (weft.shared/1).
//
//   const auto counts = weft::shared_ref<counters>::acquire("acme.counters", 1);
//
// T is plain data: no virtual functions, nothing that points into a plugin's code unless its owner
// takes it out again before it is unmapped, and no type whose layout another build of the plugin
// may see differently. A new layout is a new version; it lives beside the older one.
#pragma once

#include <weft/host.hpp>

#include <pthread.h>

#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <type_traits>
#include <utility>

namespace weft {

// A mutex for such objects: the C library's, so that every build sees the same bytes. Held with
// std::lock_guard.
struct plain_mutex {
    plain_mutex() = default;
    plain_mutex(const plain_mutex&) = delete;
    plain_mutex& operator=(const plain_mutex&) = delete;
    ~plain_mutex() { pthread_mutex_destroy(&native); }

    void lock() { pthread_mutex_lock(&native); }
    void unlock() { pthread_mutex_unlock(&native); }

    pthread_mutex_t native = PTHREAD_MUTEX_INITIALIZER;
};

template <class T>
class shared_ref {
    static_assert(std::is_standard_layout_v<T>, "generations are built apart from each other");
    static_assert(!std::is_polymorphic_v<T>, "a table of functions belongs to one generation");

public:
    shared_ref() = default;
    ~shared_ref() { reset(); }
    shared_ref(shared_ref&& o) noexcept
        : key_(std::move(o.key_)), object_(std::exchange(o.object_, nullptr)) {}
    shared_ref& operator=(shared_ref&& o) noexcept {
        std::swap(key_, o.key_);
        std::swap(object_, o.object_);
        return *this;
    }
    shared_ref(const shared_ref&) = delete;
    shared_ref& operator=(const shared_ref&) = delete;

    // The object of this name, made when nobody has it. A host without the service gives each
    // caller one of its own. Throws std::bad_alloc. [any]
    static shared_ref acquire(const std::string& name, uint32_t version) {
        shared_ref r;
        if (services.shared) {
            r.key_ = name + '/' + std::to_string(version);
            r.object_ = static_cast<T*>(services.shared->acquire(services.host, r.key_.c_str(),
                                                                 version, make, nullptr, destroy));
        } else {
            r.object_ = static_cast<T*>(make(nullptr));
        }
        if (!r.object_) throw std::bad_alloc();
        return r;
    }

    explicit operator bool() const { return object_ != nullptr; }
    T& operator*() const { return *object_; }
    T* operator->() const { return object_; }

    void reset() {
        T* object = std::exchange(object_, nullptr);
        if (!object) return;
        if (key_.empty())
            destroy(object);
        else
            services.shared->release(services.host, key_.c_str());
    }

private:
    static void* make(void*) noexcept { return new (std::nothrow) T(); }
    static void destroy(void* object) noexcept { delete static_cast<T*>(object); }

    std::string key_;  // empty: the object is ours alone
    T* object_ = nullptr;
};

}  // namespace weft
