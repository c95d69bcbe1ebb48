// identity_quota: how many connections each identity has on a binding, all its workers and
// generations together. Connections of one client id count once: of these the newer takes the place
// of the older, and both may be there for a moment. Asked at CONNECT and at the end of a
// connection, under one lock.
//
// The table is shared by generations (weft.shared/1), which may be different builds: so it is made
// of plain structs and memory of malloc.
#pragma once

#include <weft/shared.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace weft::mqtt {

// Numbers by key; a key whose number is 0 is not there.
class tally {
public:
    tally() = default;
    ~tally();
    tally(const tally&) = delete;
    tally& operator=(const tally&) = delete;

    uint64_t of(std::string_view key) const;
    bool add(std::string_view key);         // false: no memory, and nothing has changed
    uint64_t remove(std::string_view key);  // what is left
    uint64_t keys() const { return keys_; }

private:
    struct node {
        node* next;
        uint64_t hash, count, key_size;  // the key lies behind it
        std::string_view key() const;
    };
    node** find(std::string_view key, uint64_t hash) const;
    bool grow();

    node** buckets_ = nullptr;
    uint64_t bucket_count_ = 0;  // a power of two
    uint64_t keys_ = 0;
};

struct identity_table {
    static constexpr const char* name = "mqtt.identities.of.";
    static constexpr uint32_t version = 1;

    plain_mutex mutex;
    tally clients;     // connections, by identity and client id
    tally identities;  // client ids, by identity
};

class identity_quota {
public:
    identity_quota(const std::string& binding, uint32_t most)
        : table_(shared_ref<identity_table>::acquire(identity_table::name + binding,
                                                     identity_table::version)),
          most_(most) {}

    // True: it is counted, and leave follows.
    bool enter(std::string_view identity, std::string_view client_id) const;
    void leave(std::string_view identity, std::string_view client_id) const;

private:
    shared_ref<identity_table> table_;
    uint32_t most_;
};

}  // namespace weft::mqtt
