// CONNECT, the session stream's BEGIN both ways, CONNACK.
#include "connection.hpp"

#include "topic.hpp"

#include <cstring>

namespace weft::mqtt {

violation connection::check_connect(const packet& p) const {
    const settings& c = server_.config;
    if (!(p.version == version_5 ? c.accept_5 : c.accept_311))
        return {reason::unsupported_protocol_version, "this protocol version is not enabled"};
    const auto& id = p.connect.client_id;
    if (id.size() > c.client_id_size_max)
        return {reason::client_identifier_not_valid, "client id is too long"};
    if (id.empty() && p.version == version_311 && !p.connect.clean_start)  // 3.1.1 [MQTT-3.1.3-8]
        return {reason::client_identifier_not_valid, "empty client id without clean session"};
    if (p.props.has(property::authentication_method))
        return {reason::bad_authentication_method, "authentication methods are not supported"};
    if (p.connect.has_will)
        return {reason::implementation_specific_error,
                "will messages are not supported by this version of the server"};
    return {};
}

void connection::on_connect() {
    const packet& p = server_.in;
    // Names first, so that what is refused is reported with them.
    assigned_id_ = p.connect.client_id.empty();
    const std::string assigned = assigned_id_ ? server_.new_client_id() : std::string();
    remember_names(assigned_id_ ? std::string_view(assigned) : p.connect.client_id);
    if (const violation f = check_connect(p)) return close(f);

    const auto exit = server_.config.routes.session(client_id());
    if (!exit) return close(reason::not_authorized, "no route takes this client id");

    problem_info_ = p.props.number(property::request_problem_information, 1) != 0;
    packet_size_max_ = p.props.number(property::maximum_packet_size, packet_size_limit);
    session_expiry_s_ = p.version == version_5  ? p.props.number(property::session_expiry, 0)
                        : p.connect.clean_start ? 0
                                                : WEFT_MQTT_EXPIRY_NEVER;
    choose_keep_alive(p.connect.keep_alive_s);
    state_ = state::connecting;
    server_.disarm(*this);  // from here the provider decides how long to wait
    open_session(*exit);
}

// 3.1.2.10, 3.2.2.3.14: only v5 can be told another keep alive, so v3.1.1 gets what it asked for. 0
// switches it off.
void connection::choose_keep_alive(uint16_t wanted_s) {
    const settings& c = server_.config;
    client_keep_alive_s_ = keep_alive_s_ = wanted_s;
    if (version() == version_5 && wanted_s != 0)
        keep_alive_s_ = std::clamp(wanted_s, c.keep_alive_s_min, c.keep_alive_s_max);
}

void connection::remember_names(std::string_view client_id) {
    const auto size = std::min<size_t>(client_id.size(), 65'535);
    auto names = std::make_unique<char[]>(size + peer_size_);
    std::memcpy(names.get(), client_id.data(), size);
    if (peer_size_ != 0) std::memcpy(names.get() + size, peer().data(), peer_size_);
    names_ = std::move(names);
    client_id_size_ = static_cast<uint16_t>(size);
}

void connection::open_session(uint64_t exit) {
    const packet& p = server_.in;
    meta_writer<weft_mqtt_begin> m;
    m->version = p.version;
    m->flags = static_cast<uint8_t>((p.connect.clean_start ? WEFT_MQTT_CLEAN_START : 0) |
                                    (problem_info_ ? WEFT_MQTT_PROBLEM_INFO : 0));
    m->session_expiry_s = session_expiry_s_;
    m->packet_size_max = p.props.number(property::maximum_packet_size, 0);
    m->receive_max = static_cast<uint16_t>(p.props.number(property::receive_maximum, 65'535));
    m->keep_alive_s = keep_alive_s_;
    m->client_id = m.text(client_id());
    session_exit_ = exit;
    session_ = server_.here.open(exit, *this, m.get(), server_.trace);
}

// The provider there knows a session that only publishes; nothing of it is kept.
stream connection::session_at(uint64_t exit) {
    if (exit == session_exit_) return session_;
    if (!side_) side_ = std::make_unique<std::vector<side_session>>();
    for (const auto& x : *side_)
        if (x.exit == exit) return x.to;
    meta_writer<weft_mqtt_begin> m;
    m->version = version();
    m->flags =
        static_cast<uint8_t>(WEFT_MQTT_CLEAN_START | (problem_info_ ? WEFT_MQTT_PROBLEM_INFO : 0));
    m->receive_max = 65'535;
    m->keep_alive_s = keep_alive_s_;
    m->client_id = m.text(client_id());
    side_->push_back({exit, server_.here.open(exit, *this, m.get(), server_.trace)});
    return side_->back().to;
}

void connection::on_session_begun(const weft_begin& b) {
    const meta_view<weft_mqtt_begin> m(b.h.meta);
    if (!m) return close(reason::implementation_specific_error, "the exit does not speak mqtt");
    qos_max_ = std::min(m->qos_max, server_.config.publish_qos_max);
    capabilities_ = m->capabilities;
    receive_max_ = m->receive_max == 0 ? server_.config.receive_maximum
                                       : std::min(m->receive_max, server_.config.receive_maximum);
    write_connack(*m);
    if (state_ == state::closing) return;
    state_ = state::connected;
    counted_ = true;
    server_.connections.add();
    server_.here.emit(WEFT_INFO, "binding.mqtt.client.connected",
                      "Session authorization (-) was successful for client id (" +
                          std::string(client_id()) + ").",
                      b.h.trace_id);
    session_.window(limits::delivery_window_bytes, 0, limits::delivery_padding);
    last_heard_ = server_.now_tick();
    if (keep_alive_s_ != 0) server_.arm(*this, last_heard_ + idle_ticks());
    resume();
}

void connection::write_connack(const weft_mqtt_begin& granted) {
    packet& p = server_.out;
    p.reset(packet_type::connack, version());
    p.session_present = (granted.flags & WEFT_MQTT_SESSION_PRESENT) != 0;
    if (version() == version_5) {
        const settings& c = server_.config;
        const auto lacks = [&](property name, uint8_t capability) {
            if ((capabilities_ & capability) == 0) p.props.set(name, 0u);
        };
        if (granted.session_expiry_s != session_expiry_s_)
            p.props.set(property::session_expiry, granted.session_expiry_s);
        p.props.set(property::receive_maximum, uint32_t{receive_max_});
        if (qos_max_ < 2) p.props.set(property::maximum_qos, uint32_t{qos_max_});
        p.props.set(property::maximum_packet_size, c.packet_size_max);
        if (assigned_id_) p.props.set(property::assigned_client_identifier, client_id());
        if (c.topic_alias_maximum != 0)
            p.props.set(property::topic_alias_maximum, uint32_t{c.topic_alias_maximum});
        if (keep_alive_s_ != client_keep_alive_s_)
            p.props.set(property::server_keep_alive, uint32_t{keep_alive_s_});
        lacks(property::retain_available, WEFT_MQTT_CAP_RETAIN);
        lacks(property::wildcard_available, WEFT_MQTT_CAP_WILDCARD);
        lacks(property::subscription_identifiers_available, WEFT_MQTT_CAP_SUBSCRIPTION_IDS);
        lacks(property::shared_available, WEFT_MQTT_CAP_SHARED);
    }
    if (send(p) || state_ == state::closing) return;
    report_fault(reason::packet_too_large,
                 "CONNACK is larger than the client's maximum packet size");
    lost();
}

}  // namespace weft::mqtt
