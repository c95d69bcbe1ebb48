// SUBSCRIBE and UNSUBSCRIBE up to the session stream, SUBACK and UNSUBACK down.
#include "connection.hpp"

#include "topic.hpp"

#include <weft/hash.hpp>

#include <algorithm>

namespace weft::mqtt {

namespace {

// Never 0.
uint64_t hash_of(std::string_view filter) {
    return fnv1a_64(filter) | 1;
}

// What a shared subscription subscribes to ("$share/name/filter"), or the filter as it is.
std::string_view shared_filter(std::string_view filter) {
    if (!is_shared(filter)) return filter;
    const size_t slash = filter.find('/', std::string_view{"$share/"}.size());
    return slash == std::string_view::npos ? filter : filter.substr(slash + 1);
}

}  // namespace

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

// False when it would be one too many. `added`: its hash when it was not counted before.
bool connection::count_filter(std::string_view filter, uint64_t& added) {
    if (!subscribed_) subscribed_ = std::make_unique<subscribed>();
    auto& all = subscribed_->filters;
    const uint64_t hash = hash_of(filter);
    const auto at = std::lower_bound(all.begin(), all.end(), hash);
    if (at != all.end() && *at == hash) return true;
    if (all.size() >= server_.config.subscriptions_max) return false;
    all.insert(at, hash);
    added = hash;
    return true;
}

void connection::uncount_filter(uint64_t hash) {
    if (hash == 0 || !subscribed_) return;
    auto& all = subscribed_->filters;
    const auto at = std::lower_bound(all.begin(), all.end(), hash);
    if (at != all.end() && *at == hash) all.erase(at);
}

void connection::on_subscribe() {
    const packet& p = server_.in;
    const bool has_id = p.props.has(property::subscription_identifier);
    request r;
    r.packet_id = p.packet_id;
    r.reasons.assign(p.subscriptions.size(), request::pending);
    r.added.assign(p.subscriptions.size(), 0);
    for (const auto& s : p.subscriptions)
        if (const violation f = check_subscription(s, has_id)) return close(f);
    const auto* identified = who();
    for (size_t i = 0; i < r.reasons.size(); ++i) {
        const auto& s = p.subscriptions[i];
        // v3.1.1 has no shared subscriptions, but who writes one means one; better refused than
        // taken for a topic.
        const bool shared = is_shared(s.filter) && (capabilities_ & WEFT_MQTT_CAP_SHARED) == 0;
        const auto exit =
            server_.config.routes.subscribe(client_id(), shared_filter(s.filter), identified);
        auto code = reason::success;
        if (topic_levels(s.filter) > server_.config.topic_levels_max)
            code = reason::topic_filter_invalid;
        else if (shared || !exit)
            code = reason::not_authorized;
        else if (*exit != session_exit_)  // packet ids and in-flight limits of deliveries belong to
                                          // one provider
            code = reason::implementation_specific_error;
        else if (!count_filter(s.filter, r.added[i]))
            code = reason::quota_exceeded;
        if (code != reason::success) r.reasons[i] = static_cast<uint8_t>(code);
    }
    const auto open =
        static_cast<size_t>(std::count(r.reasons.begin(), r.reasons.end(), request::pending));
    if (open == 0) return answer_request(packet_type::suback, p.packet_id, r.reasons, {});

    meta_writer<weft_mqtt_subscribe> m;
    m->packet_id = p.packet_id;
    m->subscription_id = p.props.subscription_id();
    const weft_ref list = m.list<weft_mqtt_filter>(open);
    for (size_t i = 0, k = 0; i < r.reasons.size(); ++i) {
        if (r.reasons[i] != request::pending) continue;
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
    subscribed_->requests.push_back(std::move(r));
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
        uncount_filter(hash_of(p.filters[i]));
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
    if (subscribed_ && type == packet_type::suback) {
        auto& all = subscribed_->requests;
        const auto it = std::find_if(all.begin(), all.end(),
                                     [&](const auto& r) { return r.packet_id == m->packet_id; });
        if (it != all.end()) {
            size_t k = 0;
            for (size_t i = 0; i < it->reasons.size(); ++i) {
                auto& r = it->reasons[i];
                if (r != request::pending) continue;
                r = k < given.size() ? given[k++] : static_cast<uint8_t>(reason::unspecified_error);
                if (failed(static_cast<reason>(r))) uncount_filter(it->added[i]);
            }
            reasons = std::move(it->reasons);
            all.erase(it);
            if (all.empty()) all = {};
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
