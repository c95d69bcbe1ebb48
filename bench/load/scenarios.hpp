// What is measured. Each scenario prints one line of JSON when it is done.
#pragma once

#include <cstdint>
#include <string>

#include "transport.hpp"

namespace load {

struct options {
    endpoint to;
    std::string topic = "bench";
    uint32_t publishers = 1, subscribers = 1, count = 1000, rate = 1000, size = 100, newcomers = 0;
    uint32_t window = 200;  // publishes in flight per publisher
    uint32_t seconds = 5, warmup_seconds = 1;
    uint8_t qos = 1;
};

// Publishes of QoS 1 or 2 per second that the server acknowledges, the latter to the PUBCOMP.
void throughput(const options& o);
// From the time a message was due to its delivery, at a fixed rate.
void latency(const options& o);
// Holds `count` sessions: prints when all are up, ends when stdin does.
void idle(const options& o);
// Deliveries per second to many subscribers of one topic.
void fan_out(const options& o);
// Publishes at a fixed rate among `count` idle sessions and new connections until stdin ends and
// `newcomers` of the latter have been served;
// prints when all are up, and in the end what was lost, doubled, out of order or refused. A
// connection that the server ends is an error.
void steady(const options& o);
// Tries until a CONNACK comes; prints when that was, on the monotonic clock.
void first_connack(const options& o);

}  // namespace load
