#include "identity_quota.hpp"

#include <weft/hash.hpp>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <mutex>

namespace weft::mqtt {

namespace {

// No two pairs have the same key: the size says where the identity ends.
std::string key_of(std::string_view identity, std::string_view client_id) {
    std::string key = std::to_string(identity.size()) + ' ';
    key.append(identity).append(client_id);
    return key;
}

}  // namespace

std::string_view tally::node::key() const {
    return {reinterpret_cast<const char*>(this + 1), key_size};
}

tally::~tally() {
    for (uint64_t i = 0; i < bucket_count_; ++i)
        for (node *n = buckets_[i], *next = nullptr; n; n = next) {
            next = n->next;
            std::free(n);
        }
    std::free(buckets_);
}

// The link to the node of the key, or the last link of its bucket.
tally::node** tally::find(std::string_view key, uint64_t hash) const {
    node** at = &buckets_[hash & (bucket_count_ - 1)];
    while (*at && ((*at)->hash != hash || (*at)->key() != key)) at = &(*at)->next;
    return at;
}

uint64_t tally::of(std::string_view key) const {
    if (bucket_count_ == 0) return 0;
    const node* n = *find(key, fnv1a_64(key));
    return n ? n->count : 0;
}

bool tally::add(std::string_view key) {
    if (keys_ == bucket_count_ && !grow()) return false;
    const uint64_t hash = fnv1a_64(key);
    node** at = find(key, hash);
    if (!*at) {
        auto* n = static_cast<node*>(std::malloc(sizeof(node) + key.size()));
        if (!n) return false;
        *n = {nullptr, hash, 0, key.size()};
        std::memcpy(n + 1, key.data(), key.size());
        *at = n;
        ++keys_;
    }
    ++(*at)->count;
    return true;
}

uint64_t tally::remove(std::string_view key) {
    if (bucket_count_ == 0) return 0;
    node** at = find(key, fnv1a_64(key));
    if (!*at) return 0;
    const uint64_t left = --(*at)->count;
    if (left != 0) return left;
    std::free(std::exchange(*at, (*at)->next));
    --keys_;
    return 0;
}

bool tally::grow() {
    constexpr uint64_t buckets_least = 64;
    const uint64_t count = std::max(bucket_count_ * 2, buckets_least);
    auto** buckets = static_cast<node**>(std::calloc(count, sizeof(void*)));
    if (!buckets) return false;
    for (uint64_t i = 0; i < bucket_count_; ++i)
        for (node *n = buckets_[i], *next = nullptr; n; n = next) {
            next = n->next;
            n->next = std::exchange(buckets[n->hash & (count - 1)], n);
        }
    std::free(std::exchange(buckets_, buckets));
    bucket_count_ = count;
    return true;
}

bool identity_quota::enter(std::string_view identity, std::string_view client_id) const {
    const auto key = key_of(identity, client_id);
    const std::lock_guard lock(table_->mutex);
    if (table_->clients.of(key) != 0) return table_->clients.add(key);
    if (table_->identities.of(identity) >= most_ || !table_->identities.add(identity)) return false;
    if (table_->clients.add(key)) return true;
    table_->identities.remove(identity);
    return false;
}

void identity_quota::leave(std::string_view identity, std::string_view client_id) const {
    const auto key = key_of(identity, client_id);
    const std::lock_guard lock(table_->mutex);
    if (table_->clients.remove(key) == 0) table_->identities.remove(identity);
}

}  // namespace weft::mqtt
