#include "session/sessions_by_id.hpp"

#include "session/session.hpp"

#include <algorithm>

namespace weft::mqtt_kafka {

void sessions_by_id::add(session& s) {
    if (size_ >= buckets_.size() * per_bucket) grow();
    session*& first = buckets_[s.hash & (buckets_.size() - 1)];
    s.same_bucket = first;
    first = &s;
    ++size_;
}

void sessions_by_id::remove(session& s) {
    if (buckets_.empty()) return;
    session** link = &buckets_[s.hash & (buckets_.size() - 1)];
    while (*link && *link != &s) link = &(*link)->same_bucket;
    if (!*link) return;
    *link = s.same_bucket;
    --size_;
}

session* sessions_by_id::find(std::string_view client_id) const {
    const uint32_t hash = hash_of(client_id);
    session* s = first_of(hash);
    while (s && (s->hash != hash || s->client_id() != client_id)) s = s->same_bucket;
    return s;
}

std::vector<session*> sessions_by_id::of(std::string_view client_id) const {
    std::vector<session*> out;
    for (session* s = find(client_id); s; s = s->same_bucket)
        if (s->client_id() == client_id) out.push_back(s);
    return out;
}

void sessions_by_id::grow() {
    std::vector<session*> more(std::max(buckets_.size() * 2, buckets_min));
    for (session* s : buckets_) {
        while (s) {
            session*& first = more[s->hash & (more.size() - 1)];
            session* const after = s->same_bucket;
            s->same_bucket = first;
            first = s;
            s = after;
        }
    }
    buckets_ = std::move(more);
}

}  // namespace weft::mqtt_kafka
