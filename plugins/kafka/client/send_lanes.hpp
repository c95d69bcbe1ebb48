// When the records of a partition go to librdkafka: in bursts, the next when Kafka has answered the
// one before.
//
// librdkafka 2.0.2 has at most five requests on a connection and polls without pause while more
// records wait for one of them: a broker that is slow loses a core to that. So what a partition
// gets within one turn of the worker is a burst, and what comes before its answer waits here and is
// the next burst. A broker has bursts_max of them at a time. Those that take long do not count: a
// partition whose replicas are missing must not hold others up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace weft::kafka::client {

// A record in a lane.
struct held {
    held* after = nullptr;
};

struct send_broker;

// A partition of a topic.
struct send_lane {
    send_broker* broker = nullptr;
    int32_t partition = 0;
    uint32_t inside = 0;   // records that librdkafka has
    uint64_t turn = 0;     // in which the burst began: the worker's time, ns
    bool counted = false;  // among the broker's bursts
    bool in_line = false;
    held *first = nullptr, *last = nullptr;

    held* take() {
        held* r = first;
        first = r->after;
        if (!first) last = nullptr;
        r->after = nullptr;
        return r;
    }
};

struct send_broker {
    int bursts = 0;
    std::deque<send_lane*> line;  // lanes that have records and wait for their turn
};

class send_lanes {
public:
    using topic = std::vector<std::unique_ptr<send_lane>>;  // by partition

    // The lane of a partition; `leader`: its broker as far as that is known.
    send_lane& lane(topic& t, int32_t partition, int32_t leader);

    // May a new record of the lane go to librdkafka in this turn? If so it begins a burst, or is of
    // one.
    bool admits(send_lane& l, uint64_t turn);
    // The record waits behind what is there.
    void hold(send_lane& l, held& r);
    void sent(send_lane& l) { ++l.inside; }
    void answered(send_lane& l);
    // What next let in was sent, as far as it could be.
    void sent_all(send_lane& l) {
        if (l.inside == 0) stop_counting(l);
    }
    // librdkafka did not take what admits or next let in: what the lane holds waits for its next
    // burst, or for retry.
    void not_sent(send_lane& l);
    void retry();

    // A lane whose records may go now, as a burst of this turn; null: none. The caller takes and
    // sends all of them, or says not_sent.
    send_lane* next(uint64_t turn);
    // Does some lane wait for others?
    bool waiting() const { return in_line_ > 0; }
    // Bursts that began before this turn count no longer.
    void discount(uint64_t turn);

private:
    void begin(send_lane& l, uint64_t turn);
    void stop_counting(send_lane& l);
    void stand_in_line(send_lane& l);

    std::map<int32_t, send_broker> brokers_;
    std::vector<send_lane*> counted_;  // bursts under way
    std::vector<send_lane*> stuck_;    // wait for retry; they are not in line, but marked so
    size_t in_line_ = 0;
};

}  // namespace weft::kafka::client
