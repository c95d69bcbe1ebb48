// Which sessions of this process have which client id. A newer one ends the older (MQTT 5,
// 3.1.4-3), on whatever worker and in whatever generation of the binding it is, and waits until
// the older has written what it knows: then its own claim comes after, and it finds everything.
// Who owns the session is not decided here but by the claims on the sessions topic, which other
// instances see, too. Touched at connect and disconnect only.
//
// The table is shared by generations (weft.shared/1), which may be different builds: so it is made
// of plain structs. Its entries lie in the sessions, and each session takes its own out before it
// is freed, so nothing of a generation that is gone is left. A change of these structs is a new
// registry_table::version; generations of different versions do not see each other's sessions.
#pragma once

#include <weft/shared.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace weft::mqtt_kafka {

struct registered_session;

// The sessions of one instance, as others see them.
struct registry_home {
    weft_worker* worker = nullptr;
    void (*wake)(void* ctx) = nullptr;  // posted to worker when something is due
    void* ctx = nullptr;
    registered_session* due = nullptr;  // the table's
};

struct registered_session {
    const char* id = nullptr;  // of memory that outlives the registration
    registry_home* home = nullptr;
    // The table's: the newer one of the same client id, of the newest what is behind it in its
    // bucket; the older one; the next in its home's list.
    registered_session *after = nullptr, *older = nullptr, *due_after = nullptr;
    uint32_t id_size = 0;
    uint32_t hash = 0;  // of the table
    bool entered : 1 = false, told : 1 = false;
    bool superseded : 1 = false;  // there is a newer one

    std::string_view client_id() const { return {id, id_size}; }
};

struct registry_table {
    static constexpr const char* name = "mqtt-kafka.sessions.";
    static constexpr uint32_t version = 3;
    static constexpr uint64_t buckets_min = 64;
    static constexpr uint64_t ids_per_bucket = 2;

    registry_table() = default;
    registry_table(const registry_table&) = delete;
    registry_table& operator=(const registry_table&) = delete;
    ~registry_table();

    plain_mutex mutex;
    registered_session* first_buckets[buckets_min]{};
    registered_session** buckets = first_buckets;  // of malloc once they are more
    uint64_t bucket_count = buckets_min;           // a power of two
    uint64_t count = 0;                            // of client ids
};

// Of a client id. Not std::hash: every generation must find what another has entered.
uint32_t hash_of(std::string_view client_id);

// One binding's hold on the table; used by all its workers.
class session_registry {
public:
    // `binding`: its qualified name. Two bindings may each have a session of one client id.
    explicit session_registry(const std::string& binding = {})
        : table_(shared_ref<registry_table>::acquire(registry_table::name + binding,
                                                     registry_table::version)) {}

    // Registers s as the newest of its client id, and tells the one before. True when there is
    // none; else s is told when it has become the first.
    bool enter(registered_session& s);
    // s is done. Called on its home's thread, before s is freed; again does nothing.
    void leave(registered_session& s);

    // What has changed for a session of a home, each told once; `who` is null at the end. Called
    // on the home's thread.
    struct news {
        registered_session* who = nullptr;
        bool first = false;       // nobody is before it
        bool superseded = false;  // a newer one waits for it
    };
    news take_due(registry_home& home);

private:
    static void tell(registered_session& s);

    shared_ref<registry_table> table_;
};

}  // namespace weft::mqtt_kafka
