// QoS 2 publishes of one client between PUBLISH and PUBREL (MQTT 5, 4.3.3): which packet ids are
// taken, and what C#offsets says of them.
//
// Each has a number. A publish that is sent again after its owner died gets the number it had, so
// that readers recognise the second copy if the first one was written late: numbers are given in
// the order in which clients send again, those first that were given and not found.
#pragma once

#include "kafka/topic_listener.hpp"
#include "session/state/records.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace weft::mqtt_kafka {

struct loaded_session;

class qos2_in {
public:
    explicit qos2_in(int64_t epoch);

    enum class status : uint8_t {
        unknown,
        producing,  // Kafka has not answered
        received,   // Kafka has it: PUBREC
        releasing   // PUBREL came; PUBCOMP follows when that is recorded
    };
    status of(uint16_t packet_id) const;

    // A publish with an unknown id: its number. `resent`: with DUP set.
    int64_t begin(uint16_t packet_id, bool resent);
    void failed(uint16_t packet_id) { ids_.erase(packet_id); }
    void done(uint16_t packet_id, const std::string& topic, int32_t partition, int64_t offset);
    void release(uint16_t packet_id) { ids_.at(packet_id).is = status::releasing; }
    void forget(uint16_t packet_id) { ids_.erase(packet_id); }

    // Is it recorded from where in the topic a new owner has to look for publishes?
    bool knows(std::string_view topic) const;
    bool opening(std::string_view topic) const { return find_topic(topic) != nullptr; }
    void open(const std::string& topic, const std::vector<partition_next>& from);

    // The value of C#offsets. `closing`: nothing is under way any more.
    session_offsets write(bool closing);
    // What was written has been acknowledged: the ids that are released by it.
    std::vector<uint16_t> written();

    void restore(const loaded_session& from);

    std::deque<uint64_t> gated;  // publishes that wait until their topic is known, by token

private:
    struct entry {
        status is = status::producing;
        bool in_write = false;
        int32_t partition = -1;
        int64_t number = 0;
        std::string topic;
    };
    struct place {
        std::string topic;
        int32_t partition;
        int64_t next;
        bool known = false, in_write = false;
    };
    const place* find_topic(std::string_view topic) const;
    place* find(std::string_view topic, int32_t partition);
    int64_t lowest_number() const;

    std::map<uint16_t, entry> ids_;
    std::vector<place> places_;
    std::deque<int64_t> missing_;  // numbers given by an earlier owner and not found
    int64_t resent_next_ = -1;     // behind them
    int64_t next_;
};

}  // namespace weft::mqtt_kafka
