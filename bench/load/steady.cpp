// The scenario `steady`: not how fast, but whether anything is lost, doubled, out of order or
// refused while something happens to the server.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <vector>

#include "clients.hpp"
#include "scenarios.hpp"

namespace load {

namespace {

constexpr uint64_t settle_timeout_ns = 30 * second_ns;
constexpr uint64_t newcomer_gap_ns = 20'000'000;
constexpr uint32_t in_flight_max = 1000;

// What a message carries.
struct mark {
    uint32_t publisher, number;
};

struct publisher {
    std::unique_ptr<connection> link;
    std::string topic;
    uint32_t sent = 0, acked = 0, refused = 0;
    std::vector<bool> seen;
    uint32_t highest = 0;
    uint64_t doubled = 0, disordered = 0;

    void delivered(uint32_t number) {
        if (seen.size() <= number) seen.resize(number + 1);
        if (seen[number]) ++doubled;
        if (number < highest) ++disordered;
        highest = std::max(highest, number);
        seen[number] = true;
    }
    uint64_t lost() const {
        uint64_t n = 0;
        for (uint32_t i = 0; i < sent; ++i)
            if (i >= seen.size() || !seen[i]) ++n;
        return n;
    }
};

bool stdin_ended() {
    pollfd p{STDIN_FILENO, POLLIN, 0};
    char byte = 0;
    return poll(&p, 1, 0) > 0 && read(STDIN_FILENO, &byte, 1) <= 0;
}

// Connects, waits for CONNACK and leaves, again and again: a refused connection throws.
struct newcomer {
    loop& l;
    endpoint to;
    std::unique_ptr<connection> link, gone;
    uint64_t count = 0, next_ns = 0;

    void tick(uint64_t now) {
        if (gone || (link && !link->connected())) return;
        if (now < next_ns) return;
        next_ns = now + newcomer_gap_ns;
        gone = std::move(link);  // an event for it may be on its way
        link = std::make_unique<connection>(l, to, client_id("new", 0),
                                            [](connection&, const frame&) {});
        ++count;
    }
};

}  // namespace

void steady(const options& o) {
    loop l;
    const auto idle = connect_idle(l, o.to, o.count);
    std::vector<std::unique_ptr<publisher>> all;
    for (uint32_t i = 0; i < o.publishers; ++i) {
        auto p = std::make_unique<publisher>();
        p->topic = o.topic + "/" + std::to_string(i);
        p->link = std::make_unique<connection>(
            l, o.to, client_id("pub", i), [p = p.get()](connection&, const frame& f) {
                if (f.type != puback) return;
                ++p->acked;
                if (f.body.size() > 2 && static_cast<uint8_t>(f.body[2]) >= 0x80) ++p->refused;
            });
        all.push_back(std::move(p));
    }
    bool ready = false;
    connection sub(l, o.to, client_id("sub", 0), [&](connection& c, const frame& f) {
        if (f.type == suback) ready = true;
        if (f.type != publish) return;
        put_ack(c.out(), puback, packet_id_of_publish(f));
        c.flush();
        mark m{};
        const auto payload = payload_of(f);
        if (payload.size() < sizeof m) throw std::runtime_error("a foreign message");
        std::memcpy(&m, payload.data(), sizeof m);
        all.at(m.publisher)->delivered(m.number);
    });
    wait_connected(l, sub);
    put_subscribe(sub.out(), o.topic + "/#", 1);
    sub.flush();
    l.run_until([&] { return ready; }, setup_timeout_ns, "SUBACK");
    for (const auto& p : all) wait_connected(l, *p->link);
    std::printf("{\"scenario\":\"steady\",\"sessions\":%zu}\n", idle.size() + all.size() + 1);
    std::fflush(stdout);

    newcomer visits{l, o.to, nullptr, nullptr};
    std::string payload(std::max<size_t>(o.size, sizeof(mark)), 'x');
    const uint64_t start = now_ns();
    uint64_t sent = 0;
    bool ending = false;
    l.every(1'000'000, [&] {
        const uint64_t now = now_ns();
        if (ending) return;
        visits.tick(now);
        for (; sent < (now - start) * o.rate / second_ns; ++sent) {
            auto& p = *all[sent % all.size()];
            if (p.sent - p.acked >= std::min<uint32_t>(in_flight_max, p.link->receive_maximum()))
                break;
            const mark m{static_cast<uint32_t>(sent % all.size()), p.sent};
            std::memcpy(payload.data(), &m, sizeof m);
            put_publish(p.link->out(), p.topic, 1, static_cast<uint16_t>(p.sent % 65535 + 1),
                        payload);
            ++p.sent;
            p.link->flush();
        }
        ending = stdin_ended() && visits.count >= o.newcomers;
    });
    l.run_until(
        [&] {
            visits.gone.reset();
            return ending;
        },
        UINT64_MAX / 2, "the end of stdin and the newcomers");
    l.stop_ticking();
    const double seconds = static_cast<double>(now_ns() - start) / 1e9;
    const auto settled = [&] {
        return std::all_of(all.begin(), all.end(),
                           [](const auto& p) { return p->acked == p->sent && p->lost() == 0; });
    };
    try {
        l.run_until(settled, settle_timeout_ns, "the last deliveries");
    } catch (const std::runtime_error&) {
        std::fprintf(stderr, "steady: not everything came\n");  // the figures say what
    }
    uint64_t acked = 0, refused = 0, lost = 0, doubled = 0, disordered = 0;
    for (const auto& p : all) {
        acked += p->acked;
        refused += p->refused;
        lost += p->lost();
        doubled += p->doubled;
        disordered += p->disordered;
    }
    std::printf(
        "{\"scenario\":\"steady\",\"sent\":%llu,\"acked\":%llu,\"refused\":%llu,"
        "\"lost\":%llu,\"doubled\":%llu,\"disordered\":%llu,\"newcomers\":%llu,"
        "\"per_second\":%.0f}\n",
        static_cast<unsigned long long>(sent), static_cast<unsigned long long>(acked),
        static_cast<unsigned long long>(refused), static_cast<unsigned long long>(lost),
        static_cast<unsigned long long>(doubled), static_cast<unsigned long long>(disordered),
        static_cast<unsigned long long>(visits.count), static_cast<double>(sent) / seconds);
}

}  // namespace load
