// Between the instances of one binding, on all workers and in all its generations: which of them
// reads for which group of shared subscriptions, and the letters that members and groups send each
// other. One mailbox per instance; letters of one instance to another keep their order.
//
// The table is shared by generations (weft.shared/1), which may be different builds: so it is made
// of plain structs and of malloc's memory. A box lies in its instance, which takes it out before it
// goes. A change of these structs, or of what letters mean, is a new share_table::version;
// generations of different versions do not see each other's groups.
#pragma once

#include <weft/meta.hpp>
#include <weft/shared.hpp>
#include <weft/worker.hpp>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weft::mqtt_kafka {

// A session as member of a shared subscription. Numbers are not used again.
struct member_id {
    uint32_t box = 0, number = 0;
    bool operator==(const member_id&) const = default;
};

enum class letter_kind : uint32_t {
    // to the group
    join,
    leave,
    room,     // a member that refused may be asked again
    refused,  // the delivery `cookie` found no room, or is unacknowledged and its member gone
    done,     // it is acknowledged, or another's to lose
    adopt,    // a whole shared subscription, of an instance that is replaced
    // to the member
    joined,
    record,
    over  // the group cannot go on
};

// Followed by `body_size` bytes of metadata and then `payload_size` bytes.
struct letter {
    letter* next;
    uint64_t cookie, trace;  // of a delivery
    member_id member;
    letter_kind what;
    uint32_t share, turn;  // number of the shared subscription; how often the member told of room
    uint32_t lane;         // record: which of the topics that the share reads
    uint32_t body_size, payload_size;

    const weft_meta* body() const {
        return body_size ? reinterpret_cast<const weft_meta*>(this + 1) : nullptr;
    }
    const uint8_t* payload() const {
        return reinterpret_cast<const uint8_t*>(this + 1) + body_size;
    }
    uint8_t* payload() { return const_cast<uint8_t*>(std::as_const(*this).payload()); }
};
static_assert(sizeof(letter) % alignof(uint64_t) == 0);

struct letter_free {
    void operator()(letter* l) const { std::free(l); }
};
using letter_ptr = std::unique_ptr<letter, letter_free>;
// Throws std::bad_alloc.
letter_ptr make_letter(letter_kind what, const weft_meta* body = nullptr, size_t payload_size = 0);

// The body of join, leave and adopt.
struct share_text {
    weft_meta m;
    weft_ref name, filter;
    weft_ref topics;   // list of share_topic: what it reads, each a lane
    weft_ref places;   // adopt: list of share_place
    weft_ref flights;  // adopt: list of share_flight
    weft_ref members;  // adopt: list of share_member
    uint32_t resumes;  // join: of a stored session, whose group was there before
    uint32_t settled;  // adopt: its places are committed
};
struct share_topic {
    uint64_t exit;
    weft_ref name;
    uint32_t dynamic, pad;
};
struct share_place {
    int64_t next;
    uint32_t lane;
    int32_t partition;
};
struct share_flight {
    uint64_t cookie;  // 0: came back, and goes to somebody again
    int64_t offset;
    uint32_t lane;
    int32_t partition;
    member_id at;
};
struct share_member {
    member_id id;
    uint32_t turn;
    uint16_t full, joined;
};

// Items in malloc's memory, so that every build sees the same.
template <class T>
struct plain_list {
    T* items = nullptr;
    uint64_t count = 0, room = 0;

    void add(const T& item) {
        if (count == room) {
            const uint64_t more = room ? room * 2 : 16;
            auto* fresh = static_cast<T*>(std::realloc(items, more * sizeof(T)));
            if (!fresh) throw std::bad_alloc();
            items = fresh;
            room = more;
        }
        items[count++] = item;
    }
    void remove(T* at) {
        const auto behind = static_cast<uint64_t>(items + count - at - 1);
        std::memmove(at, at + 1, behind * sizeof(T));
        --count;
    }
    T* begin() const { return items; }
    T* end() const { return items + count; }
};

struct share_box {
    weft_worker* worker = nullptr;
    void (*wake)(void*) = nullptr;  // posted to worker when the box is no longer empty
    void* ctx = nullptr;
    // The table's:
    share_box* next = nullptr;
    uint32_t number = 0, worker_index = 0;
    uint64_t generation = 0;
    letter *first = nullptr, *last = nullptr;
    uint32_t leaving = 0;  // takes no groups any more
};

struct share_table {
    static constexpr const char* name = "mqtt-kafka.shares.";
    static constexpr uint32_t version = 1;

    struct group {
        char* name;
        uint64_t name_size, hash;
        share_box* box;
    };
    struct route {
        uint64_t share;
        share_box* box;
    };

    share_table() = default;
    share_table(const share_table&) = delete;
    share_table& operator=(const share_table&) = delete;
    ~share_table();

    plain_mutex mutex;
    share_box* first_box = nullptr;
    plain_list<group> groups;
    plain_list<route> routes;  // by share
    uint64_t generations = 0;
    uint32_t last_box = 0, last_share = 0;
};

// One generation's hold on the table; used by all its workers. [any]
class share_hub {
public:
    // `binding`: its qualified name and a mark of its configuration: groups of two configurations
    // may read different topics.
    explicit share_hub(const std::string& binding = {});

    void open(share_box& b, worker w, void (*wake)(void*), void* ctx);
    void close(share_box& b);
    // The box takes no groups any more. False when there is no newer generation to take those it
    // has.
    bool leave(share_box& b);
    letter_ptr take(share_box& b);  // the oldest letter

    // To whoever reads for the group; if nobody does, somebody is to when `make`.
    void to_group(const share_box& from, std::string_view name, letter_ptr l, bool make);
    // To whoever has the shared subscription; dropped when nobody has.
    void to_share(uint32_t share, letter_ptr l);
    // Dropped when the member's instance is gone.
    void to_member(const member_id& m, letter_ptr l);

    // True when the group is this box's, from now on if nobody's. Only its owner changes that.
    bool claim(share_box& b, std::string_view name);
    void release(const share_box& b, std::string_view name);
    // A number of its own for a shared subscription of this box.
    uint32_t add_share(share_box& b);
    void remove_share(const share_box& b, uint32_t share);
    // The group with these shares is the newest generation's, which gets the letters first. False
    // when there is none.
    bool hand_over(const share_box& b, std::string_view name, std::span<const uint32_t> shares,
                   std::vector<letter_ptr>& letters);

private:
    share_table::group* find(std::string_view name) const;
    share_table::route* find(uint32_t share) const;
    share_box* newest(const share_box& than) const;
    share_box* pick(const share_box& from, uint64_t hash) const;
    static void put(share_box& b, letter_ptr l);
    void name_group(std::string_view name, share_box& b);

    shared_ref<share_table> table_;
    uint64_t generation_;
};

}  // namespace weft::mqtt_kafka

template <>
struct weft::meta_name<weft::mqtt_kafka::share_text> {
    static constexpr const char* value = "mqtt-kafka.share/1";
    static constexpr uint32_t type = weft::meta_type("mqtt-kafka.share/1");
};
