#include "session/registry.hpp"

#include <cstdlib>
#include <mutex>

namespace weft::mqtt_kafka {

namespace {

// FNV-1a: spelled out, since every generation must find what another has entered.
uint64_t hash_of(std::string_view id) {
    uint64_t h = 0xcbf29ce484222325u;
    for (const char c : id) h = (h ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
    return h ^ (h >> 32);
}

registered_session** bucket(registry_table& t, uint64_t hash) {
    return &t.buckets[hash & (t.bucket_count - 1)];
}

// The link that leads to the session of this id, or the null at the end of its bucket.
registered_session** find(registry_table& t, uint64_t hash, std::string_view id) {
    registered_session** link = bucket(t, hash);
    while (*link && ((*link)->hash != hash || (*link)->client_id() != id)) link = &(*link)->after;
    return link;
}

void take_out(registered_session** link) {
    registered_session& s = **link;
    *link = s.after;
    s.after = nullptr;
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

registry_table::~registry_table() {
    free_buckets(*this);
}

void session_registry::claim(registered_session& s) {
    registry_table& t = *table_;
    s.hash = hash_of(s.client_id());
    const std::lock_guard lock(t.mutex);
    registered_session** link = find(t, s.hash, s.client_id());
    if (registered_session* old = *link) {
        take_out(link);
        --t.count;
        old->listed = false;
        old->displaced = true;
        registry_home& home = *old->home;
        old->after = home.displaced;
        home.displaced = old;
        // Under the lock: a home cannot go while one of its sessions is in the table. When it is
        // being detached (WEFT_E_GONE) it ends that session anyway.
        if (!old->after) services.reactor->post(home.worker, home.wake, home.ctx);
    }
    if (t.count >= t.bucket_count) grow(t);
    registered_session** first = bucket(t, s.hash);
    s.after = *first;
    *first = &s;
    s.listed = true;
    ++t.count;
}

void session_registry::release(registered_session& s) {
    registry_table& t = *table_;
    const std::lock_guard lock(t.mutex);
    if (!s.listed && !s.displaced) return;
    registered_session** link = s.listed ? bucket(t, s.hash) : &s.home->displaced;
    while (*link != &s) link = &(*link)->after;
    take_out(link);
    if (s.listed) --t.count;
    s.listed = s.displaced = false;
}

registered_session* session_registry::take_displaced(registry_home& home) {
    const std::lock_guard lock(table_->mutex);
    registered_session* s = home.displaced;
    if (!s) return nullptr;
    take_out(&home.displaced);
    s->displaced = false;
    return s;
}

}  // namespace weft::mqtt_kafka
