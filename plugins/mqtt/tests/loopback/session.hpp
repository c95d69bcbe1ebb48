// A session of the loopback provider: subscriptions, deliveries in flight and waiting, packet ids
// that the client has not released, the will. It outlives its connections until it expires.
#pragma once

#include "message.hpp"

#include <weft/worker.hpp>

#include <algorithm>
#include <deque>
#include <functional>
#include <set>

namespace loopback {

class session {
public:
    using publish_fn = std::function<void(const message&, const session*)>;
    using forget_fn = std::function<void(const std::string&)>;

    session(weft::worker w, std::string name, publish_fn publish, forget_fn forget)
        : id(std::move(name)), here_(w), publish_(std::move(publish)), forget_(std::move(forget)) {}
    ~session() { cancel_timers(); }
    session(const session&) = delete;
    session& operator=(const session&) = delete;

    const std::string id;
    uint32_t expiry_s = 0;
    message will;
    std::set<uint16_t> unreleased;
    std::function<void()> on_takeover;

    void attach(weft::stream s, const weft_mqtt_begin& b) {
        cancel_timers();  // [MQTT-3.1.3-9]: who is back in time has no will published
        will = {};
        to_ = s;
        expiry_s = b.session_expiry_s;
        receive_max_ = b.receive_max;
        sent_ = 0;
        // 4.4: what was in flight goes again, in its order, before anything new.
        for (auto& f : in_flight_) f.to_send = true;
    }
    void take_over() {
        if (on_takeover) std::exchange(on_takeover, nullptr)();
        if (to_) detach(true, true);
    }
    void detach(bool with_will, bool taken_over = false) {
        to_ = {};
        on_takeover = nullptr;
        if (!with_will) will = {};
        if (taken_over && will.meta() && will.will_delay_s() == 0) publish_will();
        if (taken_over) return;
        if (expiry_s == 0) return over();
        if (will.meta() && will.will_delay_s() == 0) publish_will();
        if (will.meta())
            will_timer_ = here_.timer_in_ms(will.will_delay_s() * 1'000ull,
                                            weft::call<&session::on_will_delay>, this);
        if (expiry_s != WEFT_MQTT_EXPIRY_NEVER)
            expiry_timer_ =
                here_.timer_in_ms(expiry_s * 1'000ull, weft::call<&session::on_expiry>, this);
    }
    void end() {
        cancel_timers();
        publish_will();
    }

    void subscribe(std::string_view pattern, uint8_t qos, uint8_t flags, uint32_t number) {
        unsubscribe(pattern);
        filters_.push_back({std::string(pattern), qos, flags, number});
    }
    bool unsubscribe(std::string_view pattern) {
        return std::erase_if(filters_, [&](const auto& f) { return f.pattern == pattern; }) != 0;
    }

    // One copy at the highest QoS of the filters that match, with all their identifiers.
    void offer(const message& m, bool own) {
        uint8_t qos = 0;
        bool wanted = false;
        std::vector<uint32_t> numbers;
        for (const auto& f : filters_) {
            if (!matches(f.pattern, m.topic()) || (own && (f.flags & WEFT_MQTT_NO_LOCAL))) continue;
            wanted = true;
            qos = std::max(qos, f.qos);
            if (f.number != 0) numbers.push_back(f.number);
        }
        qos = std::min(qos, m.fields().qos);
        if (!wanted || (qos == 0 && !to_)) return;
        message copy = m.as_publish(std::move(numbers));
        copy.fields().qos = qos;
        copy.fields().flags &= WEFT_MQTT_HAS_EXPIRY;
        waiting_.push_back(std::move(copy));
        pump();
    }

    void on_ack(uint8_t type, uint16_t packet_id, uint8_t code) {
        const auto it = std::find_if(in_flight_.begin(), in_flight_.end(), [&](const auto& f) {
            return f.what.fields().packet_id == packet_id;
        });
        if (type == 5 && code < 0x80) {
            if (it != in_flight_.end()) it->released = true;
            return release(packet_id, it == in_flight_.end() ? 0x92 : 0);
        }
        if (it != in_flight_.end()) in_flight_.erase(it);
        pump();
    }

    void pump() {
        if (!to_) return;
        for (auto& f : in_flight_) {
            if (!f.to_send) continue;
            if (f.released) {
                f.to_send = false;
                release(f.what.fields().packet_id, 0);
                continue;
            }
            f.what.fields().flags |= WEFT_MQTT_DUP;
            if (!send(f.what)) return;
            f.to_send = false;
        }
        while (!waiting_.empty()) {
            message& m = waiting_.front();
            const uint8_t qos = m.fields().qos;
            if (qos != 0 && sent_ == 0 && in_flight_.size() >= receive_max_) return;
            if (qos != 0 && m.fields().packet_id == 0) m.fields().packet_id = next_packet_id();
            if (!send(m)) return;
            if (qos != 0) in_flight_.push_back({std::move(m), false, false});
            waiting_.pop_front();
        }
    }

private:
    struct filter {
        std::string pattern;
        uint8_t qos, flags;
        uint32_t number;
    };
    struct flight {
        message what;
        bool released;  // PUBREC was received
        bool to_send;
    };

    static bool matches(std::string_view filter, std::string_view topic) {
        if (topic.starts_with('$') && !filter.starts_with('$')) return false;  // [MQTT-4.7.2-1]
        for (;;) {
            const size_t f = filter.find('/'), t = topic.find('/');
            const auto level = filter.substr(0, f);
            if (level == "#") return true;
            if (level != "+" && level != topic.substr(0, t)) return false;
            if (f == filter.npos || t == topic.npos)
                return f == t || (f != filter.npos && filter.substr(f + 1) == "#");
            filter.remove_prefix(f + 1);
            topic.remove_prefix(t + 1);
        }
    }

    // Sends `m` as far as the credit goes; true when all of it has gone.
    bool send(message& m) {
        for (;;) {
            const uint32_t credit = to_.credit(), padding = to_.padding();
            const bool first = sent_ == 0;
            const auto left = static_cast<uint32_t>(m.payload.size() - sent_);
            if (credit < padding || (left != 0 && credit == padding)) return false;
            const uint32_t n = std::min(left, credit - padding);
            m.fields().deferred = left - n;
            uint8_t* to = nullptr;
            weft::chunk c = here_.alloc(n + 1, to);
            std::copy_n(m.payload.data() + sent_, n, to);
            c.truncate(n);
            const auto flags =
                static_cast<uint16_t>((first ? WEFT_INIT : 0) | (n == left ? WEFT_FIN : 0));
            to_.data(c.slice(), first ? m.meta() : nullptr, flags);
            sent_ += n;
            if (n != left) continue;
            sent_ = 0;
            return true;
        }
    }
    void release(uint16_t packet_id, uint8_t code) {
        weft::meta_writer<weft_mqtt_ack> m;
        m->type = 6;
        m->packet_id = packet_id;
        m->reason = code;
        to_.flush(m.get());
    }
    uint16_t next_packet_id() {
        const auto used = [&](uint16_t n) {
            return std::any_of(in_flight_.begin(), in_flight_.end(),
                               [&](const auto& f) { return f.what.fields().packet_id == n; });
        };
        do next_ = next_ == 65'535 ? uint16_t{1} : static_cast<uint16_t>(next_ + 1);
        while (used(next_));
        return next_;
    }
    void publish_will() {
        if (!will.meta()) return;
        const message m = std::exchange(will, {}).as_publish();
        publish_(m, nullptr);
    }
    void on_will_delay() {
        will_timer_ = 0;
        publish_will();
    }
    void on_expiry() {
        expiry_timer_ = 0;
        over();
    }
    // The last act: this object is gone behind it.
    void over() {
        end();
        const auto forget = forget_;
        const std::string name = id;
        forget(name);
    }
    void cancel_timers() {
        if (will_timer_ != 0) here_.cancel(std::exchange(will_timer_, 0));
        if (expiry_timer_ != 0) here_.cancel(std::exchange(expiry_timer_, 0));
    }

    weft::worker here_;
    publish_fn publish_;
    forget_fn forget_;
    weft::stream to_;
    uint16_t receive_max_ = 65'535, next_ = 0;
    std::vector<filter> filters_;
    std::deque<flight> in_flight_;
    std::deque<message> waiting_;
    size_t sent_ = 0;
    uint64_t will_timer_ = 0, expiry_timer_ = 0;
};

}  // namespace loopback
