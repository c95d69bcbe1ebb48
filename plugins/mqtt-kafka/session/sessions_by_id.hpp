// sessions_by_id: the sessions of one worker by client id, several of one id while a newer claims.
// The links are in the sessions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace weft::mqtt_kafka {

class session;

class sessions_by_id {
public:
    // A session is entered with the registry first, which gives it its hash.
    void add(session& s);
    void remove(session& s);  // one that was not added as well
    bool contains(std::string_view client_id) const { return find(client_id) != nullptr; }
    std::vector<session*> of(std::string_view client_id) const;

private:
    static constexpr size_t buckets_min = 64, per_bucket = 2;

    session* first_of(uint32_t hash) const {
        return buckets_.empty() ? nullptr : buckets_[hash & (buckets_.size() - 1)];
    }
    session* find(std::string_view client_id) const;
    void grow();

    std::vector<session*> buckets_;  // as many as a power of two
    size_t size_ = 0;
};

}  // namespace weft::mqtt_kafka
