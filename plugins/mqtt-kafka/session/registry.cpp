#include "session/registry.hpp"

#include <weft/hash.hpp>

#include <cstdlib>
#include <mutex>
#include <utility>

namespace weft::mqtt_kafka {

namespace {

registered_session** bucket(registry_table& t, uint32_t hash) {
    return &t.buckets[hash & (t.bucket_count - 1)];
}

// The link that leads to the newest session of this id, or the null at the end of its bucket.
registered_session** find(registry_table& t, uint32_t hash, std::string_view id) {
    registered_session** link = bucket(t, hash);
    while (*link && ((*link)->hash != hash || (*link)->client_id() != id)) link = &(*link)->after;
    return link;
}

void free_buckets(registry_table& t) {
    if (t.buckets != t.first_buckets) std::free(t.buckets);
}

// Without memory for more buckets, lists only get longer.
void grow(registry_table& t) {
    const uint64_t more = t.bucket_count * 2;
    auto** fresh = static_cast<registered_session**>(std::calloc(more, sizeof(void*)));
    if (!fresh) return;
    for (uint64_t i = 0; i < t.bucket_count; ++i) {
        while (registered_session* s = t.buckets[i]) {
            t.buckets[i] = s->after;
            s->after = fresh[s->hash & (more - 1)];
            fresh[s->hash & (more - 1)] = s;
        }
    }
    free_buckets(t);
    t.buckets = fresh;
    t.bucket_count = more;
}

}  // namespace

uint32_t hash_of(std::string_view client_id) {
    const uint64_t h = fnv1a_64(client_id);
    return static_cast<uint32_t>(h ^ (h >> 32));
}

registry_table::~registry_table() {
    free_buckets(*this);
}

// Under the lock: a home cannot go while one of its sessions is in the table. When it is being
// detached (WEFT_E_GONE) it ends that session anyway.
void session_registry::tell(registered_session& s) {
    if (s.told) return;
    registry_home& home = *s.home;
    const bool asleep = !home.due;
    s.told = true;
    s.due_after = home.due;
    home.due = &s;
    if (asleep) services.reactor->post(home.worker, home.wake, home.ctx);
}

bool session_registry::enter(registered_session& s) {
    registry_table& t = *table_;
    s.hash = hash_of(s.client_id());
    const std::lock_guard lock(t.mutex);
    s.entered = true;
    registered_session** link = find(t, s.hash, s.client_id());
    if (registered_session* before = *link) {
        s.after = before->after;
        *link = &s;
        s.older = before;
        before->after = &s;
        before->superseded = true;
        tell(*before);
        return false;
    }
    if (t.count >= t.bucket_count * t.ids_per_bucket) grow(t);
    registered_session** first = bucket(t, s.hash);
    s.after = *first;
    *first = &s;
    ++t.count;
    return true;
}

void session_registry::leave(registered_session& s) {
    registry_table& t = *table_;
    const std::lock_guard lock(t.mutex);
    if (s.told) {
        registered_session** link = &s.home->due;
        while (*link != &s) link = &(*link)->due_after;
        *link = s.due_after;
        s.told = false;
    }
    if (!s.entered) return;
    s.entered = false;
    if (s.superseded) {
        s.after->older = s.older;
        if (!s.older) tell(*s.after);
    } else {
        registered_session** link = find(t, s.hash, s.client_id());
        *link = s.older ? s.older : s.after;
        if (!s.older) --t.count;
    }
    if (s.older) {
        s.older->after = s.after;
        s.older->superseded = s.superseded;
    }
    s.older = s.after = nullptr;
    s.superseded = false;
}

session_registry::news session_registry::take_due(registry_home& home) {
    const std::lock_guard lock(table_->mutex);
    registered_session* s = home.due;
    if (!s) return {};
    home.due = s->due_after;
    s->told = false;
    return {s, !s->older, s->superseded};
}

}  // namespace weft::mqtt_kafka
