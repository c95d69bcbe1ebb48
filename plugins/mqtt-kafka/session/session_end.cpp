// How a session ends: the will, the time it waits for its client, and what it leaves.
#include "proxy.hpp"
#include "session/session.hpp"

#include <algorithm>
#include <utility>

namespace weft::mqtt_kafka {

namespace {
constexpr uint8_t disconnect_with_will = 0x04;               // MQTT 5, 3.14.2.1
constexpr uint64_t away_timer_ms_max = 24ull * 3600 * 1000;  // looked at again then
}  // namespace

void session::take_will(const weft_data& d) {
    own_will& w = *will_;
    if (const meta_view<weft_mqtt_will> m(d.h.meta); m && !w.begun) {
        w.begun = true;
        w.missing = m->deferred;
        w.delay_s = m->delay_s;
        will_message& out = w.message;
        const auto maybe = [&](weft_ref r) {
            const auto text = m.maybe_text(r);
            return text ? std::optional<std::string>(*text) : std::nullopt;
        };
        out.topic = m.text(m->topic);
        if (route_target to;
            owner().config.table.guarded() &&
            owner().config.table.match_publish(out.topic, to, rights_) == route_result::no_route)
            return end_client({reason::not_authorized, "no route takes the will's topic"});
        out.qos = m->qos;
        out.flags = m->flags & WEFT_MQTT_RETAIN ? will_message::retain : 0;
        if (m->flags & WEFT_MQTT_HAS_EXPIRY)
            out.expiry_s = static_cast<int32_t>(std::min<uint32_t>(m->expiry_s, INT32_MAX));
        out.content_type = maybe(m->content_type);
        out.format = m->format;
        out.response_topic = maybe(m->response_topic);
        out.correlation = maybe(m->correlation);
        for (const weft_pair& p : m.list<weft_pair>(m->properties))
            out.properties.emplace_back(m.text(p.name), m.text(p.value));
    } else if (w.begun) {
        w.missing -= std::min(w.missing, static_cast<uint32_t>(payload_size(d)));
    }
    for (const auto& s : slices(d)) w.message.payload += text_of(s);
    if (w.message.payload.size() > UINT16_MAX)
        return end_client({reason::quota_exceeded, "the will is larger than a will can be"});
    continue_if_loaded();
}

// Whether the client may write where its will goes, as guarded routes of kafka say; false while
// that is not known, and when it may not, which ends it.
bool session::will_admitted() {
    proxy& p = owner();
    route_target to;
    if (!p.topics.guarded() ||
        p.config.table.match_publish(will_->message.topic, to,
                                     p.config.table.guarded() ? rights_ : all_rights) !=
            route_result::ok)
        return true;  // it is refused when it is sent
    kafka_topic* topic = p.topics.get(to);
    const auto verdict = topic ? p.access(*this, *topic) : access_verdict::denied;
    if (verdict == access_verdict::unknown)
        want_passing().will_topic = topic_use(*topic);
    else if (passing_)
        passing_->will_topic = {};
    if (verdict == access_verdict::denied)
        end_client({reason::not_authorized, "the will's topic is not for this client"});
    return verdict == access_verdict::allowed;
}

void session::store_will() {
    own_will& w = *will_;
    w.message.delay_ms = static_cast<int32_t>(std::min<int64_t>(will_delay_ms(), INT32_MAX));
    w.message.will_id = random_id();
    w.stored = true;
    put(session_key::will_message, encode(w.message), w.message.lifetime_id);
    put(session_key::will, will_signal(-1));
}

// The will is sent when its delay has passed or the session ends, whichever comes first
// (MQTT 5, 3.1.3.2.2).
int64_t session::will_delay_ms() const {
    return int64_t{std::min(will_->delay_s, expiry_s_)} * 1000;
}

std::string session::will_signal(int64_t at_ms) const {
    session_signal s;
    s.kind = session_signal::will;
    s.instance = owner().store.me.id();
    s.client_id = client_id();
    s.delay_ms = will_->message.delay_ms;
    s.at_ms = at_ms;
    s.lifetime_id = will_->message.lifetime_id;
    s.will_id = will_->message.will_id;
    return encode(s);
}

std::string session::expiry_signal(int64_t at_ms) const {
    session_signal s;
    s.kind = session_signal::expiry;
    s.instance = owner().store.me.id();
    s.client_id = client_id();
    s.delay_ms = static_cast<int32_t>(std::min<uint64_t>(uint64_t{expiry_s_} * 1000, INT32_MAX));
    s.at_ms = at_ms;
    return encode(s);
}

void session::forget_will() {
    if (!will_) return;
    if (will_->stored) {
        put(session_key::will_message, std::nullopt, will_->message.lifetime_id);
        put(session_key::will, std::nullopt);
    }
    will_.reset();
}

void session::publish_will() {
    will_->at = 0;
    publishing_will_ = true;
    owner().publish.publish_will(*this, will_->message);
}

void session::on_will_published() {
    publishing_will_ = false;
    if (settling_) return;
    if (state_ == state::preparing) return prepare();  // it was an earlier owner's
    session_signal earlier;
    if (loaded() && loaded()->will && decode(*loaded()->will, earlier) == decoded::ok) {
        // The client went before its CONNACK; the will was sent all the same.
        passing_->loaded.reset();
        put(session_key::will_message, std::nullopt, earlier.lifetime_id);
        put(session_key::will, std::nullopt);
    }
    // Its keys may be a new owner's by now; ours carry our epoch.
    forget_will();
    on_settled();
}

void session::on_end(stream, const weft_frame& f) {
    const meta_view<weft_mqtt_reset> why(f.meta);
    if (why && state_ == state::accepted) {
        // DISCONNECT may change how long the session lasts (MQTT 5, 3.14.2.2.2); a session without
        // state cannot get one.
        if (durable() && version_ >= WEFT_MQTT_V5) expiry_s_ = why->session_expiry_s;
    }
    leave(!why || why->reason != disconnect_with_will);
}

void session::leave(bool in_order) {
    if (!open()) return;
    const bool was_accepted = state_ == state::accepted;
    stream_.end();
    stream_.reset();
    put_down(state::away);
    if (epoch_ < 0) {  // the claim was not read back: nothing is known of the session
        will_.reset();
        state_ = state::closed;
        return owner().sweep_later(*this);
    }
    // Before the CONNACK there was no session that could leave a will.
    if (in_order || !was_accepted) forget_will();
    if (durable() && (was_accepted || (stored_ & bit(session_key::state)))) return stay_away();
    end_session();
}

// Writes what the session knows, and lets go of what only a connected client needs.
void session::put_down(state then) {
    const bool kept = state_ == state::accepted && durable();
    owner().stop_waiting(*this);
    stop_timer();
    if (passing_) passing_->load.reset();
    if (kept) put_last_word();
    if (kept && (dirty_ & bit(session_key::state)))
        put(session_key::state, encode(subscriber_ ? subscriber_->state() : session_state{}));
    subscriber_.reset();
    state_ = then;
    owner().publish.drop_gated(*this);
}

// What the client has not acknowledged. While that is still being read, what is stored holds.
void session::put_last_word() {
    if (durable() && subscriber_ && !subscriber_->restoring())
        put(session_key::inflight, encode(subscriber_->write_inflight()), {}, true);
}

void session::stop_timer() {
    if (passing_ && passing_->timer) owner().here.cancel(std::exchange(passing_->timer, 0));
}

// Another connection of this process has the client id now, and claims the session when what this
// one knows is written. Its will is the new owner's to send or to discard.
void session::hand_over() {
    if (state_ > state::away) return;
    if (open())
        close_stream({reason::session_taken_over, "another client connected with this client id"});
    put_down(state::handing_over);
    on_publishes_answered();
    on_settled();
}

void session::on_settled() {
    if (open()) return;
    if (state_ == state::handing_over && unanswered_ == 0 && !publishing_will_ &&
        credit.outstanding == 0) {
        fenced_ = true;
        state_ = state::closed;
        owner().registry.leave(*this);
    }
    if (!lingers()) owner().sweep_later(*this);
}

// The client may come back: here, or elsewhere, which shows as a higher claim.
void session::stay_away() {
    const uint64_t now = owner().here.wall_ms();
    uint64_t& expire_at = want_passing().expire_at;
    if (expiry_s_ != WEFT_MQTT_EXPIRY_NEVER) {
        expire_at = now + uint64_t{expiry_s_} * 1000;
        put(session_key::expiry, expiry_signal(static_cast<int64_t>(expire_at)));
    } else if (stored_ & bit(session_key::expiry)) {
        put(session_key::expiry, std::nullopt);
    }
    on_publishes_answered();
    if (will_) {
        const int64_t delay = will_delay_ms();
        if (delay == 0) {
            publish_will();
        } else {
            will_->at = now + static_cast<uint64_t>(delay);
            put(session_key::will, will_signal(static_cast<int64_t>(will_->at)));
        }
    }
    arm_away();
}

void session::arm_away() {
    if (state_ != state::away) return;
    uint64_t at = passing_->expire_at;
    if (const uint64_t will = will_at(); will && (at == 0 || will < at)) at = will;
    if (at == 0) {  // nothing more is to come of it here
        state_ = state::closed;
        return owner().sweep_later(*this);
    }
    const uint64_t now = owner().here.wall_ms();
    const uint64_t in = std::min(at > now ? at - now : 0, away_timer_ms_max);
    stop_timer();
    passing_->timer = owner().here.timer_in_ms(in, call<&session::on_away_timer>, this);
}

void session::on_away_timer() {
    passing_->timer = 0;
    if (state_ != state::away) return;
    const uint64_t now = owner().here.wall_ms();
    if (passing_->expire_at && passing_->expire_at <= now) return end_session();
    if (will_at() && will_at() <= now) publish_will();
    arm_away();
}

// The session is over: its will goes out if it is still there, its records go.
void session::end_session() {
    stop_timer();
    if (passing_) passing_->expire_at = 0;
    for (const auto k : {session_key::state, session_key::inflight, session_key::offsets,
                         session_key::expiry, session_key::owner})
        if (stored_ & bit(k)) put(k, std::nullopt);
    qos2_.reset();
    state_ = state::closed;
    if (will_ && !publishing_will_) publish_will();
    owner().sweep_later(*this);
}

// The last QoS 2 publishes of a client that is gone are answered: what is left of them is fixed.
void session::on_publishes_answered() {
    if ((state_ != state::away && state_ != state::handing_over) || !durable() || !qos2_ ||
        credit.outstanding > 0)
        return;
    const session_offsets left = qos2_->write(true);
    if (left.partitions.empty())
        put(session_key::offsets, std::nullopt);
    else
        put(session_key::offsets, encode(left));
    qos2_.reset();
}

}  // namespace weft::mqtt_kafka
