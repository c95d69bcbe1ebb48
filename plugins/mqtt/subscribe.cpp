// SUBSCRIBE and UNSUBSCRIBE up to the session stream, SUBACK and UNSUBACK down.
#include "connection.hpp"

#include "topic.hpp"

#include <algorithm>

namespace weft::mqtt {

// 3.2.2.3.11 to 13: using what CONNACK said is not available is a protocol error with a reason code
// of its own.
violation connection::check_subscription(const subscription& s, bool has_id) const {
    if (s.no_local && !server_.config.no_local) return protocol_error("no local is switched off");
    if (version() != version_5) return {};
    if (has_id && (capabilities_ & WEFT_MQTT_CAP_SUBSCRIPTION_IDS) == 0)
        return {reason::subscription_identifiers_not_supported,
                "subscription identifiers are not available"};
    if (is_shared(s.filter) && (capabilities_ & WEFT_MQTT_CAP_SHARED) == 0)
        return {reason::shared_subscriptions_not_supported,
                "shared subscriptions are not available"};
    if (has_wildcard(s.filter) && (capabilities_ & WEFT_MQTT_CAP_WILDCARD) == 0)
        return {reason::wildcard_subscriptions_not_supported, "wildcards are not available"};
    return {};
}

void connection::on_subscribe() {
    const packet& p = server_.in;
    const bool has_id = p.props.has(property::subscription_identifier);
    std::vector<uint8_t> reasons(p.subscriptions.size(), partial_request::pending);
    for (size_t i = 0; i < reasons.size(); ++i) {
        const auto& s = p.subscriptions[i];
        if (const violation f = check_subscription(s, has_id)) return close(f);
        // v3.1.1 has no shared subscriptions, but who writes one means one; better refused than
        // taken for a topic.
        const bool shared = is_shared(s.filter) && (capabilities_ & WEFT_MQTT_CAP_SHARED) == 0;
        const auto exit = server_.config.routes.subscribe(client_id(), s.filter);
        if (shared || !exit)
            reasons[i] = static_cast<uint8_t>(reason::not_authorized);
        else if (*exit != session_exit_)  // packet ids and in-flight limits of deliveries belong to
                                          // one provider
            reasons[i] = static_cast<uint8_t>(reason::implementation_specific_error);
    }
    const auto open =
        static_cast<size_t>(std::count(reasons.begin(), reasons.end(), partial_request::pending));
    if (open == 0) return answer_request(packet_type::suback, p.packet_id, reasons, {});

    meta_writer<weft_mqtt_subscribe> m;
    m->packet_id = p.packet_id;
    m->subscription_id = p.props.subscription_id();
    const weft_ref list = m.list<weft_mqtt_filter>(open);
    for (size_t i = 0, k = 0; i < reasons.size(); ++i) {
        if (reasons[i] != partial_request::pending) continue;
        const auto& s = p.subscriptions[i];
        const weft_ref pattern = m.text(s.filter);
        auto& f = m.item<weft_mqtt_filter>(list, k++);
        f.pattern = pattern;
        f.qos = s.qos;
        f.flags = static_cast<uint8_t>((s.no_local ? WEFT_MQTT_NO_LOCAL : 0) |
                                       (s.retain_as_published ? WEFT_MQTT_RETAIN_AS_PUBLISHED : 0));
        f.retain_handling = s.retain_handling;
    }
    m->filters = list;
    ++requests_pending_;
    if (open != reasons.size()) {
        if (!partial_) partial_ = std::make_unique<std::vector<partial_request>>();
        partial_->push_back({p.packet_id, std::move(reasons)});
    }
    session_.flush(m.get(), server_.trace);
}

void connection::on_unsubscribe() {
    const packet& p = server_.in;
    meta_writer<weft_mqtt_unsubscribe> m;
    m->packet_id = p.packet_id;
    const weft_ref list = m.list<weft_ref>(p.filters.size());
    for (size_t i = 0; i < p.filters.size(); ++i) {
        const weft_ref pattern = m.text(p.filters[i]);
        m.item<weft_ref>(list, i) = pattern;
    }
    m->patterns = list;
    ++requests_pending_;
    session_.flush(m.get(), server_.trace);
}

void connection::on_suback(const weft_flush& f) {
    const meta_view<weft_mqtt_suback> m(f.h.meta);
    const auto type = static_cast<packet_type>(m->type);
    if (type != packet_type::suback && type != packet_type::unsuback) return;
    if (requests_pending_ != 0) --requests_pending_;
    const auto given = m.list<uint8_t>(m->reasons);
    std::vector<uint8_t> reasons(given.begin(), given.end());
    if (partial_ && type == packet_type::suback) {
        const auto it = std::find_if(partial_->begin(), partial_->end(),
                                     [&](const auto& r) { return r.packet_id == m->packet_id; });
        if (it != partial_->end()) {
            size_t k = 0;
            for (auto& r : it->reasons)
                if (r == partial_request::pending)
                    r = k < given.size() ? given[k++]
                                         : static_cast<uint8_t>(reason::unspecified_error);
            reasons = std::move(it->reasons);
            partial_->erase(it);
            if (partial_->empty()) partial_.reset();
        }
    }
    answer_request(type, m->packet_id, reasons, m.text(m->reason_string));
    if (unread()) resume();
}

void connection::answer_request(packet_type t, uint16_t id, std::vector<uint8_t>& reasons,
                                std::string_view text) {
    for (auto& r : reasons) {
        if (!allowed(t, role::server, static_cast<reason>(r)))
            r = static_cast<uint8_t>(reason::unspecified_error);
        if (version() != version_5 && r >= 0x80) r = 0x80;  // 3.1.1, 3.9.3
    }
    packet& p = server_.out;
    p.reset(t, version());
    p.packet_id = id;
    p.reasons = reasons;
    if (reason_strings()) set_reason_string(p, text);
    send(p);
}

}  // namespace weft::mqtt
