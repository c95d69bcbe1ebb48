// CONNECT, the session stream's BEGIN both ways, CONNACK.
#include "connection.hpp"

#include "auth/bearer.hpp"
#include "topic.hpp"
#include "user_properties.hpp"

#include <algorithm>
#include <cstring>

namespace weft::mqtt {

namespace {

// The provider keeps its own records of a client under such names beside the client's.
bool is_reserved(std::string_view client_id) {
    static constexpr std::string_view suffixes[] = {"#owner",       "#offsets",      "#inflight",
                                                    "#will",        "#expiry",       "#migrate",
                                                    "#will-signal", "#expiry-signal"};
    return client_id.find("#will-") != client_id.npos ||
           std::any_of(std::begin(suffixes), std::end(suffixes),
                       [&](std::string_view s) { return client_id.ends_with(s); });
}

}  // namespace

violation connection::check_connect(const packet& p) const {
    const settings& c = server_.config;
    const bool accepted = p.version == version_5    ? c.accept_5
                          : p.connect.is_version_31 ? c.accept_31
                                                    : c.accept_311;
    if (!accepted)
        return {reason::unsupported_protocol_version, "this protocol version is not enabled"};
    const auto& id = p.connect.client_id;
    if (id.size() > c.client_id_size_max)
        return {reason::client_identifier_not_valid, "client id is too long"};
    if (id.empty() && p.version == version_311 &&
        (!p.connect.clean_start || p.connect.is_version_31))  // 3.1.1 [MQTT-3.1.3-8]
        return {reason::client_identifier_not_valid, "empty client id without clean session"};
    if (is_reserved(id))
        return {reason::client_identifier_not_valid, "client id ends in a reserved suffix"};
    if (p.connect.has_will && topic_levels(p.connect.will.topic) > c.topic_levels_max)
        return {reason::topic_name_invalid, "will topic has too many levels"};
    return server_.admit_connect();
}

void connection::on_connect() {
    const packet& p = server_.in;
    // Names and the largest packet first, so that what is refused is reported with the ones and
    // answered within the other.
    assigned_id_ = p.connect.client_id.empty();
    const std::string assigned = assigned_id_ ? server_.new_client_id() : std::string();
    const std::string vouched_for(identity());  // by a guard of the binding below
    remember_names(assigned_id_ ? std::string_view(assigned) : p.connect.client_id, vouched_for);
    problem_info_ = p.props.number(property::request_problem_information, 1) != 0;
    packet_size_max_ = p.props.number(property::maximum_packet_size, packet_size_limit);
    if (const violation f = check_connect(p)) return close(f);

    session_expiry_s_ = p.version == version_5  ? p.props.number(property::session_expiry, 0)
                        : p.connect.clean_start ? 0
                                                : WEFT_MQTT_EXPIRY_NEVER;
    is_version_31_ = p.connect.is_version_31;
    remember_connect();
    if (p.connect.has_will && !remember_will()) return;
    identify();
}

// What is not needed later than CONNACK.
void connection::remember_connect() {
    const packet& p = server_.in;
    handshake_ = std::make_unique<handshake>();
    handshake& h = *handshake_;
    server_.count_handshake(1);
    h.counted = true;
    h.clean_start = p.connect.clean_start;
    h.client_keep_alive_s = p.connect.keep_alive_s;
    choose_keep_alive(p.connect.keep_alive_s);
    h.wants_response_information = p.props.number(property::request_response_information, 0) != 0;
    const auto aliases = std::min<uint32_t>(p.props.number(property::topic_alias_maximum, 0),
                                            server_.config.delivery_alias_maximum);
    if (aliases != 0) want_extras().aliases_out = std::make_unique<topic_aliases>(aliases);

    auto& m = h.begin;
    m->version = p.version;
    m->flags = static_cast<uint8_t>((p.connect.clean_start ? WEFT_MQTT_CLEAN_START : 0) |
                                    (p.connect.has_will ? WEFT_MQTT_WILL : 0) |
                                    (problem_info_ ? WEFT_MQTT_PROBLEM_INFO : 0));
    m->session_expiry_s = session_expiry_s_;
    m->packet_size_max = p.props.number(property::maximum_packet_size, 0);
    m->receive_max = static_cast<uint16_t>(p.props.number(property::receive_maximum, 65'535));
    m->keep_alive_s = keep_alive_s_;
    m->client_id = m.text(client_id());
}

// The will waits in the inbox, before everything else, until the exit has credit for it. False when
// there is no memory for it; what only the exit knows is refused with its BEGIN.
bool connection::remember_will() {
    const will_fields& w = server_.in.connect.will;
    handshake_->has_will = true;
    handshake_->will_qos = w.qos;
    handshake_->will_retain = w.retain;

    meta_writer<weft_mqtt_will> m;
    const auto text = [&](property name) {
        return w.props.has(name) ? m.text(w.props.text(name)) : weft_ref{};
    };
    const bool expires = w.props.has(property::message_expiry);
    m->qos = w.qos;
    m->flags = static_cast<uint8_t>((w.retain ? WEFT_MQTT_RETAIN : 0) |
                                    (expires ? WEFT_MQTT_HAS_EXPIRY : 0));
    m->format =
        static_cast<uint8_t>(w.props.number(property::payload_format, WEFT_MQTT_FORMAT_NONE));
    m->delay_s = w.props.number(property::will_delay, 0);
    m->expiry_s = w.props.number(property::message_expiry, 0);
    m->topic = m.text(w.topic);
    m->content_type = text(property::content_type);
    m->response_topic = text(property::response_topic);
    m->correlation = text(property::correlation_data);
    m->properties = write_user_properties(m, w.props);

    const weft_meta* block = m.get();
    auto& box = take_inbox();
    auto& waits = box.waiting.emplace_back();
    waits.meta.resize(block->size / 8);
    std::memcpy(waits.meta.data(), block, block->size);
    waits.unsent = static_cast<uint32_t>(w.payload.size());
    box.waiting_bytes += block->size + waits.unsent;
    if (waits.unsent == 0) return true;
    uint8_t* to = nullptr;
    waits.payload.push_back(server_.here.alloc(waits.unsent, to));
    if (!to) return out_of_memory(), false;
    std::memcpy(to, w.payload.data(), waits.unsent);
    return true;
}

// Whether the client may have its will published. False when it was refused.
bool connection::route_will() {
    const meta_view<weft_mqtt_will> w(
        reinterpret_cast<const weft_meta*>(inbox_->waiting.front().meta.data()));
    const auto route = server_.config.routes.publish(client_id(), w.text(w->topic), who());
    if (!route) return close(reason::not_authorized, "no route takes the will's topic"), false;
    if (*route != handshake_->exit)  // the exit of the session is who knows when to publish it
        return close(reason::implementation_specific_error,
                     "the will's topic leads to another exit than the session"),
               false;
    return true;
}

// 3.1.2.10, 3.2.2.3.14: only v5 can be told another keep alive, so v3.1.1 gets what it asked for. 0
// switches it off.
void connection::choose_keep_alive(uint16_t wanted_s) {
    const settings& c = server_.config;
    keep_alive_s_ = wanted_s;
    if (version() == version_5 && wanted_s != 0)
        keep_alive_s_ = std::clamp(wanted_s, c.keep_alive_s_min, c.keep_alive_s_max);
}

void connection::remember_names(std::string_view client_id, std::string_view identity) {
    const auto size = std::min<size_t>(client_id.size(), 65'535);
    const auto identity_size = std::min<size_t>(identity.size(), 65'535);
    auto names = std::make_unique<char[]>(size + peer_size_ + identity_size);
    std::memcpy(names.get(), client_id.data(), size);
    if (peer_size_ != 0) std::memcpy(names.get() + size, peer().data(), peer_size_);
    if (identity_size != 0)
        std::memcpy(names.get() + size + peer_size_, identity.data(), identity_size);
    names_ = std::move(names);
    client_id_size_ = static_cast<uint16_t>(size);
    identity_size_ = static_cast<uint16_t>(identity_size);
}

bool connection::enter_quota() {
    const auto& quota = server_.config.quota;
    if (!quota || identity_size_ == 0) return true;
    in_quota_ = quota->enter(identity(), client_id());
    return in_quota_;
}

void connection::leave_quota() {
    if (!in_quota_) return;
    in_quota_ = false;
    server_.config.quota->leave(identity(), client_id());
}

// The client is who it says, or nobody asked.
void connection::open_session() {
    if (!enter_quota())
        return close(reason::quota_exceeded, "as many connections as its identity may have");
    handshake& h = *handshake_;
    const auto exit = server_.config.routes.session(client_id(), who());
    if (!exit) return close(reason::not_authorized, "no route takes this client");
    h.exit = *exit;
    if (h.has_will && !route_will()) return;
    if (identity_size_ != 0) h.begin->identity = h.begin.text(identity());
    state_ = state::connecting;
    server_.disarm(*this);  // from here the provider decides how long to wait
    session_exit_ = h.exit;
    session_ = server_.here.open(h.exit, *this, h.begin.get(), server_.trace, auth());
    if (h.has_will) inbox_->waiting.front().to = session_;
}

// The provider there knows a session that only publishes; nothing of it is kept.
stream connection::session_at(uint64_t exit, uint8_t& index) {
    index = 0;
    if (exit == session_exit_) return session_;
    auto& sides = want_extras().sides;
    for (const auto& x : sides) {
        ++index;
        if (x.exit == exit) return x.to;
    }
    ++index;
    meta_writer<weft_mqtt_begin> m;
    m->version = version();
    m->flags =
        static_cast<uint8_t>(WEFT_MQTT_CLEAN_START | (problem_info_ ? WEFT_MQTT_PROBLEM_INFO : 0));
    m->receive_max = 65'535;
    m->keep_alive_s = keep_alive_s_;
    m->client_id = m.text(client_id());
    if (identity_size_ != 0) m->identity = m.text(identity());
    sides.push_back({exit, server_.here.open(exit, *this, m.get(), server_.trace, auth())});
    return sides.back().to;
}

void connection::on_session_begun(const weft_begin& b) {
    const meta_view<weft_mqtt_begin> m(b.h.meta);
    if (!m) return close(reason::implementation_specific_error, "the exit does not speak mqtt");
    handshake& h = *handshake_;
    qos_max_ = std::min(m->qos_max, server_.config.publish_qos_max);
    capabilities_ = m->capabilities;
    receive_max_ = m->receive_max == 0 ? server_.config.receive_maximum
                                       : std::min(m->receive_max, server_.config.receive_maximum);
    if (h.has_will) {
        if ((capabilities_ & WEFT_MQTT_CAP_WILL) == 0)
            return refuse_will({reason::implementation_specific_error, "wills are not available"});
        if (h.will_qos > qos_max_)  // [MQTT-3.2.2-12]
            return refuse_will({reason::qos_not_supported, "will QoS above the maximum QoS"});
        if (h.will_retain && (capabilities_ & WEFT_MQTT_CAP_RETAIN) == 0)  // [MQTT-3.2.2-13]
            return refuse_will(
                {reason::retain_not_supported, "retained messages are not available"});
    }
    if (waiting()) {  // the will goes up before CONNACK says that it is kept
        h.granted.resize(b.h.meta->size / 8);
        std::memcpy(h.granted.data(), b.h.meta, b.h.meta->size);
        return;
    }
    welcome(*m);
}

void connection::on_will_sent() {
    if (!handshake_ || handshake_->granted.empty()) return;
    const auto granted = std::move(handshake_->granted);
    welcome(*meta_view<weft_mqtt_begin>(reinterpret_cast<const weft_meta*>(granted.data())));
}

void connection::welcome(const weft_mqtt_begin& granted) {
    write_connack(granted);
    if (state_ == state::closing) return;
    state_ = state::connected;
    drop_handshake();
    counted_ = true;
    server_.count_connection(1);
    server_.here.emit(WEFT_INFO, "binding.mqtt.client.connected",
                      "Session authorization (" +
                          (identity_size_ == 0 ? std::string("-") : std::string(identity())) +
                          ") was successful for client id (" + std::string(client_id()) + ").",
                      server_.trace);
    session_.window(limits::delivery_window_bytes, 0, limits::delivery_padding);
    last_heard_ = server_.now_tick();
    arm_connected();
    resume();
}

void connection::drop_handshake() {
    if (!handshake_) return;
    if (handshake_->counted) server_.count_handshake(-1);
    forget_check();
    handshake_.reset();
}

// {client-id} in options.response-information.
std::string connection::response_information() const {
    std::string text = server_.config.response_information;
    static constexpr std::string_view name = "{client-id}";
    for (size_t at = 0; (at = text.find(name, at)) != text.npos; at += client_id().size())
        text.replace(at, name.size(), client_id());
    return text;
}

void connection::write_connack(const weft_mqtt_begin& granted) {
    packet& p = server_.out;
    p.reset(packet_type::connack, version());
    // [MQTT-3.2.2-2]: a clean start has no session; v3.1 has no such flag.
    p.session_present = (granted.flags & WEFT_MQTT_SESSION_PRESENT) != 0 &&
                        !handshake_->clean_start && !is_version_31_;
    std::string response;  // until the packet is written
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
        if (keep_alive_s_ != handshake_->client_keep_alive_s)
            p.props.set(property::server_keep_alive, uint32_t{keep_alive_s_});
        if (handshake_->wants_response_information && !c.response_information.empty()) {
            response = response_information();
            p.props.set(property::response_information, std::string_view(response));
        }
        if (method() || bearer_) {
            p.props.set(property::authentication_method,
                        bearer_ ? bearer_method : method()->name());
            if (!handshake_->auth_data.empty())
                p.props.set(property::authentication_data, std::string_view(handshake_->auth_data));
        }
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
