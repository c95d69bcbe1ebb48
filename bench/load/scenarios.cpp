#include "scenarios.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <system_error>
#include <vector>

#include "clients.hpp"

namespace load {

namespace {

// Subscribers of `topic` that acknowledge and tell `on_message`; ready on return.
connections subscribe_all(loop& l, const options& o, uint32_t count,
                          const std::function<void(std::string_view)>& on_message) {
    connections all;
    size_t ready = 0;
    for (uint32_t i = 0; i < count; ++i) {
        all.push_back(std::make_unique<connection>(
            l, o.to, client_id("sub", i), [&ready, on_message](connection& c, const frame& f) {
                if (f.type == suback) ++ready;
                if (f.type == pubrel) put_ack(c.out(), pubcomp, get_u16(f.body, 0));
                if (f.type == publish && (f.flags & 6) != 0)
                    put_ack(c.out(), (f.flags & 4) != 0 ? pubrec : puback, packet_id_of_publish(f));
                c.flush();
                if (f.type != publish) return;
                on_message(payload_of(f));
            }));
    }
    wait_connected(l, all);
    for (const auto& c : all) {
        put_subscribe(c->out(), o.topic + "/#", o.qos);
        c->flush();
    }
    l.run_until([&] { return ready == count; }, setup_timeout_ns, "SUBACK");
    return all;
}

void print_percentiles(std::vector<uint64_t>& ns, const char* scenario) {
    std::sort(ns.begin(), ns.end());
    const auto at = [&](double part) {
        if (ns.empty()) return 0.0;
        const auto index = static_cast<size_t>(part * static_cast<double>(ns.size() - 1));
        return static_cast<double>(ns[index]) / 1e6;
    };
    std::printf(
        "{\"scenario\":\"%s\",\"samples\":%zu,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f}\n",
        scenario, ns.size(), at(0.5), at(0.99), at(1.0));
}

// Is this the last answer to a publish? Says PUBREL to the first of a QoS 2 one.
bool is_last_answer(connection& c, const frame& f) {
    if (f.type == pubrec) {
        put_ack(c.out(), pubrel, get_u16(f.body, 0));
        c.flush();
    }
    return f.type == puback || f.type == pubcomp;
}

// A publisher that keeps as many publishes in flight as both sides allow.
struct publisher {
    uint8_t qos = 1;
    std::unique_ptr<connection> link;
    std::string topic;
    uint32_t window = 0, in_flight = 0;
    uint16_t next_id = 1;
    uint64_t acked = 0;

    void fill(const std::string& payload) {
        while (in_flight < window) {
            put_publish(link->out(), topic, qos, next_id, payload);
            next_id = next_id == 65535 ? uint16_t{1} : static_cast<uint16_t>(next_id + 1);
            ++in_flight;
        }
        link->flush();
    }
};

}  // namespace

void throughput(const options& o) {
    loop l;
    const std::string payload(o.size, 'x');
    std::vector<std::unique_ptr<publisher>> all;
    for (uint32_t i = 0; i < o.publishers; ++i) {
        auto p = std::make_unique<publisher>();
        p->qos = o.qos;
        p->topic = o.topic + "/" + std::to_string(i);
        p->link = std::make_unique<connection>(
            l, o.to, client_id("pub", i), [p = p.get(), &payload](connection& c, const frame& f) {
                if (!is_last_answer(c, f)) return;
                ++p->acked;
                --p->in_flight;
                // Refill in batches, as a client that has much to say does.
                if (p->in_flight <= p->window / 2) p->fill(payload);
            });
        all.push_back(std::move(p));
    }
    for (const auto& p : all) {
        wait_connected(l, *p->link);
        p->window = std::min<uint32_t>(o.window, p->link->receive_maximum());
    }
    for (const auto& p : all) p->fill(payload);
    const auto total = [&] {
        uint64_t sum = 0;
        for (const auto& p : all) sum += p->acked;
        return sum;
    };
    const auto run_for = [&](uint64_t ns) {
        const uint64_t end = now_ns() + ns;
        l.run_until([&] { return now_ns() >= end; }, ns + setup_timeout_ns, "load");
    };
    run_for(o.warmup_seconds * second_ns);
    const uint64_t begin = now_ns(), before = total();
    run_for(o.seconds * second_ns);
    const double seconds = static_cast<double>(now_ns() - begin) / 1e9;
    const uint64_t messages = total() - before;
    std::printf("{\"scenario\":\"throughput\",\"messages\":%llu,\"per_second\":%.0f}\n",
                static_cast<unsigned long long>(messages), static_cast<double>(messages) / seconds);
}

void latency(const options& o) {
    loop l;
    std::vector<uint64_t> delays;
    const uint64_t total = uint64_t{o.rate} * (o.warmup_seconds + o.seconds);
    const uint64_t ignored = uint64_t{o.rate} * o.warmup_seconds;
    uint64_t received = 0;
    delays.reserve(total);
    const auto subscribers = subscribe_all(l, o, 1, [&](std::string_view payload) {
        uint64_t due = 0;
        std::memcpy(&due, payload.data(), sizeof due);
        if (++received > ignored) delays.push_back(now_ns() - due);
    });
    uint64_t acked = 0;
    connection pub(l, o.to, client_id("pub", 0), [&](connection& c, const frame& f) {
        if (is_last_answer(c, f)) ++acked;
    });
    wait_connected(l, pub);

    std::string payload(std::max<size_t>(o.size, sizeof(uint64_t)), 'x');
    const uint64_t gap = second_ns / o.rate, start = now_ns() + gap;
    uint64_t sent = 0;
    // MQTT 5, 4.9: what the server does not take yet waits here, and the wait counts.
    const auto may_send = [&] { return o.qos == 0 || sent - acked < pub.receive_maximum(); };
    uint16_t id = 1;
    l.every(std::min<uint64_t>(gap, 100'000), [&] {
        // The time a message was due counts, not when it left: a stall is not hidden.
        for (const uint64_t now = now_ns(); sent < total && start + sent * gap <= now && may_send();
             ++sent) {
            const uint64_t due = start + sent * gap;
            std::memcpy(payload.data(), &due, sizeof due);
            put_publish(pub.out(), o.topic + "/t", o.qos, id, payload);
            id = id == 65535 ? uint16_t{1} : static_cast<uint16_t>(id + 1);
        }
        pub.flush();
    });
    l.run_until([&] { return received >= total; },
                (o.warmup_seconds + o.seconds) * second_ns + setup_timeout_ns, "deliveries");
    l.stop_ticking();
    print_percentiles(delays, "latency");
}

void idle(const options& o) {
    loop l;
    const auto all = connect_idle(l, o.to, o.count);
    std::printf("{\"scenario\":\"idle\",\"sessions\":%zu}\n", all.size());
    std::fflush(stdout);
    char byte = 0;
    while (read(STDIN_FILENO, &byte, 1) > 0) continue;
}

void fan_out(const options& o) {
    loop l;
    uint64_t received = 0;
    const auto subscribers =
        subscribe_all(l, o, o.subscribers, [&](std::string_view) { ++received; });
    uint64_t acked = 0;
    connection pub(l, o.to, client_id("pub", 0), [&](connection&, const frame& f) {
        if (f.type == puback) ++acked;
    });
    wait_connected(l, pub);
    const uint64_t window = std::min<uint32_t>(o.window, pub.receive_maximum());
    const std::string payload(o.size, 'x');
    const uint64_t want = uint64_t{o.count} * o.subscribers, begin = now_ns();
    uint64_t sent = 0;
    l.run_until(
        [&] {
            // Held by the deliveries, so that no queue of the server hides the cost or drops.
            while (sent < o.count && sent - acked < window &&
                   sent * o.subscribers < received + window * o.subscribers) {
                put_publish(pub.out(), o.topic + "/t", 1, static_cast<uint16_t>(sent % 65535 + 1),
                            payload);
                ++sent;
            }
            pub.flush();
            return received >= want;
        },
        setup_timeout_ns, "deliveries");
    const double seconds = static_cast<double>(now_ns() - begin) / 1e9;
    std::printf("{\"scenario\":\"fan_out\",\"deliveries\":%llu,\"per_second\":%.0f}\n",
                static_cast<unsigned long long>(received), static_cast<double>(received) / seconds);
}

void first_connack(const options& o) {
    const uint64_t deadline = now_ns() + setup_timeout_ns;
    while (now_ns() < deadline) {
        try {
            loop l;
            connection c(l, o.to, client_id("first", 0), [](connection&, const frame&) {});
            wait_connected(l, c);
            std::printf("{\"scenario\":\"first_connack\",\"monotonic_ns\":%llu}\n",
                        static_cast<unsigned long long>(now_ns()));
            return;
        } catch (const std::system_error&) {
            usleep(1000);  // not listening yet
        }
    }
    throw std::runtime_error("timed out: first CONNACK");
}

}  // namespace load
