// Which session of this process has which client id: a newer one ends the older (MQTT 5, 3.1.4-3),
// on whatever worker and in whatever generation of the binding it is. Touched at connect and
// disconnect only.
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
    void (*wake)(void* ctx) = nullptr;  // posted to worker when there is a displaced session
    void* ctx = nullptr;
    registered_session* displaced = nullptr;  // the table's
};

struct registered_session {
    const char* id = nullptr;  // of memory that outlives the registration
    uint64_t id_size = 0;
    registry_home* home = nullptr;
    // The table's:
    uint64_t hash = 0;
    registered_session* after = nullptr;  // in its bucket, or in its home's displaced
    bool listed = false, displaced = false;

    std::string_view client_id() const { return {id, id_size}; }
};

struct registry_table {
    static constexpr const char* name = "mqtt-kafka.sessions.";
    static constexpr uint32_t version = 1;
    static constexpr uint64_t buckets_min = 64;

    registry_table() = default;
    registry_table(const registry_table&) = delete;
    registry_table& operator=(const registry_table&) = delete;
    ~registry_table();

    plain_mutex mutex;
    registered_session* first_buckets[buckets_min]{};
    registered_session** buckets = first_buckets;  // of malloc once they are more
    uint64_t bucket_count = buckets_min;           // a power of two
    uint64_t count = 0;
};

// One binding's hold on the table; used by all its workers.
class session_registry {
public:
    // `binding`: its qualified name. Two bindings may each have a session of one client id.
    explicit session_registry(const std::string& binding = {})
        : table_(shared_ref<registry_table>::acquire(registry_table::name + binding,
                                                     registry_table::version)) {}

    // Registers s; a session with the same client id is displaced, and its home woken.
    void claim(registered_session& s);
    // Before s is freed. Called on its home's thread.
    void release(registered_session& s);
    // The displaced sessions of a home, each told once; null at the end. Called on the home's
    // thread.
    registered_session* take_displaced(registry_home& home);

private:
    shared_ref<registry_table> table_;
};

}  // namespace weft::mqtt_kafka
