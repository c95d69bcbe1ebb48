// From CONNECT to CONNACK: the claim, what is read, what is written.
#include "proxy.hpp"
#include "session/session.hpp"

#include <algorithm>

namespace weft::mqtt_kafka {

namespace {

// Room for a will that comes before the session is accepted (a payload of at most 65535 bytes).
constexpr uint32_t will_window = 128u << 10;

}  // namespace

void session::start() {
    first_ = owner().registry.enter(*this);
    owner().store.add(*this);
    if (will_) {
        credit.granted = will_window;
        stream_.window(will_window);
    }
    wait();
    retry();
}

void session::retry() {
    if (state_ == state::waiting) {
        if (!first_) return;
        refusal why;
        switch (owner().admission(why)) {
            case proxy::admission_result::now:
                return claim();
            case proxy::admission_result::refused:
                return end_client(why);
            case proxy::admission_result::later:
                return;
        }
    }
    if (state_ != state::accepted) return;
    if (subscriber_ && !subscriber_->process())
        wait();
    else
        owner().stop_waiting(*this);
}

void session::on_registry(bool first, bool over) {
    first_ = first;
    if (over) return hand_over();
    if (state_ == state::waiting) retry();
}

void session::claim() {
    state_ = state::claiming;
    const owner_claim c{std::string(owner().store.me.id()), nonce_,
                        static_cast<int64_t>(owner().here.wall_ms())};
    put(session_key::owner, encode(c));
}

void session::on_claimed(int32_t partition, int64_t offset) {
    if (state_ == state::closed) return;
    // A claim that was written twice, since its stream broke: the later one counts for readers.
    epoch_ = std::max(epoch_, offset);
    if (state_ != state::claiming) return;
    state_ = state::loading;
    auto& load = want_passing().load;
    load = std::make_unique<session_load>(owner(), *this, partition, offset);
    load->start();
}

void session::on_other_claim(int64_t offset) {
    if (epoch_ >= 0 && offset > epoch_) take_over_ends();
}

// Somebody else owns the session: end the client, and write nothing but what it has acknowledged,
// which the new owner waits for. It has read everything else, the will as well.
void session::take_over_ends() {
    if (state_ == state::closed) return;
    if (state_ == state::accepted) put_last_word();
    fenced_ = true;
    stop_timer();
    if (open())
        close_stream({reason::session_taken_over, "another client connected with this client id"});
    owner().stop_waiting(*this);
    subscriber_.reset();
    if (passing_) passing_->load.reset();
    state_ = state::closed;
    owner().publish.drop_gated(*this);
    owner().registry.leave(*this);
    owner().sweep_later(*this);
}

void session::on_loaded(loaded_session& from) {
    passing_->loaded = std::make_unique<loaded_session>(std::move(from));
    passing_->load.reset();
    continue_if_loaded();
}

// The will comes right behind BEGIN, but maybe in pieces.
void session::continue_if_loaded() {
    if (state_ != state::loading || !loaded()) return;
    loaded_session& from = *loaded();
    if (will_ && (!will_->begun || will_->missing > 0 || !will_admitted())) return;
    if (waits_for_last_word()) return;
    stop_timer();
    if (from.last_word) {
        from.inflight = std::move(from.last_word);
        from.inflight_ms = from.last_word_ms;
    }
    if (will_ && will_->message.lifetime_id.empty()) will_->message.lifetime_id = random_id();
    state_ = state::preparing;
    bool goes_on = false;
    if (!resume(from, goes_on))
        return end_client({reason::implementation_specific,
                           "the session's state was written by a newer version"});
    present_ = goes_on;
    settling_ = true;  // a will that is refused is answered at once
    settle_old_will(from, goes_on);
    settling_ = false;
    if (!publishing_will_) prepare();
}

// Did another instance have the session's client until now, and may it know of acknowledgements
// that it has not written? Not waited for if there is nothing that could have been acknowledged,
// nor for long: that instance may be gone.
bool session::waits_for_last_word() {
    const loaded_session& from = *loaded();
    if (clean_start_ || !from.state || from.has_left() || from.owner == owner().store.me.id())
        return false;
    session_state subscribed;
    if (decode(*from.state, subscribed) != decoded::ok) return false;
    if (subscribed.filters.empty() && !from.inflight) return false;
    if (!passing_->waited && !passing_->timer)
        passing_->timer = owner().here.timer_in_ms(owner().config.limit.takeover_wait_ms,
                                                   call<&session::on_last_word_late>, this);
    return !passing_->waited;
}

void session::on_last_word_late() {
    passing_->timer = 0;
    passing_->waited = true;
    continue_if_loaded();
}

void session::on_left(int64_t epoch, int64_t offset, std::string inflight, int64_t written_ms) {
    if (state_ != state::loading || offset <= epoch_ || epoch >= epoch_) return;
    if (!passing_) return;
    if (passing_->load)
        return passing_->load->take_last_word(epoch, std::move(inflight), written_ms);
    if (!passing_->loaded) return;
    passing_->loaded->take_last_word(epoch, std::move(inflight), written_ms);
    continue_if_loaded();
}

// Decides whether the stored session goes on. False when it cannot be read.
bool session::resume(loaded_session& from, bool& goes_on) {
    session_state subscribed;
    session_inflight inflight;
    const auto by_newer = [](decoded d) { return d == decoded::unknown_version; };
    if (from.newer_version || (from.state && by_newer(decode(*from.state, subscribed))) ||
        (from.inflight && by_newer(decode(*from.inflight, inflight))))
        return false;
    session_signal end;
    const bool expired = from.expiry && decode(*from.expiry, end) == decoded::ok &&
                         end.at_ms >= 0 &&
                         end.at_ms <= static_cast<int64_t>(owner().here.wall_ms());
    goes_on = from.state && !clean_start_ && !expired;
    return true;
}

// The will that an earlier owner left on the sessions topic is the new owner's: it is sent if its
// time has come or the session has ended, and discarded if the session goes on
// (MQTT 5, 3.1.3.2.2).
void session::settle_old_will(loaded_session& from, bool goes_on) {
    session_signal signal;
    will_message message;
    if (!from.will || decode(*from.will, signal) != decoded::ok) return;
    if (!from.will_message || decode(*from.will_message, message) != decoded::ok ||
        message.will_id != signal.will_id)
        return;
    const bool due =
        signal.delay_ms <= 0 ||
        (signal.at_ms >= 0 && signal.at_ms <= static_cast<int64_t>(owner().here.wall_ms()));
    if (goes_on && !due) return;
    publishing_will_ = true;
    owner().publish.publish_will(*this, message);
}

// Writes what the CONNECT changes. The CONNACK waits for all of it.
void session::prepare() {
    uint16_t& preparing = passing_->preparing;
    const auto write = [&](session_key k, std::optional<std::string_view> v,
                           std::string_view lifetime_id = {}) {
        ++preparing;
        put(k, v, lifetime_id);
    };
    ++preparing;  // until everything is on its way
    loaded_session& from = *loaded();
    session_signal old;
    if (from.will && decode(*from.will, old) == decoded::ok && from.will_message)
        write(session_key::will_message, std::nullopt, old.lifetime_id);
    if (will_) {
        store_will();
        preparing = static_cast<uint16_t>(preparing + 2);
    } else if (from.will) {
        write(session_key::will, std::nullopt);
    }
    if (present_) {
        stored_ |= bit(session_key::state);
        if (from.inflight) stored_ |= bit(session_key::inflight);
        if (from.offsets) stored_ |= bit(session_key::offsets);
    } else {
        if (from.inflight) write(session_key::inflight, std::nullopt);
        if (from.offsets) write(session_key::offsets, std::nullopt);
        if (durable())
            write(session_key::state, encode(session_state{}));
        else if (from.state)
            write(session_key::state, std::nullopt);
    }
    // What ends the session if this process is not there to do it.
    const bool can_say = uint64_t{expiry_s_} * 1000 <= INT32_MAX;
    if (durable() && can_say)
        write(session_key::expiry, expiry_signal(-1));
    else if (from.expiry)
        write(session_key::expiry, std::nullopt);
    if (--preparing == 0) accept();
}

void session::accept() {
    state_ = state::accepted;
    meta_writer<weft_mqtt_begin> m;
    m->flags = present_ ? WEFT_MQTT_SESSION_PRESENT : 0;
    m->qos_max = owner().config.publish_qos_max;
    m->capabilities = WEFT_MQTT_CAP_RETAIN | WEFT_MQTT_CAP_WILDCARD |
                      WEFT_MQTT_CAP_SUBSCRIPTION_IDS | WEFT_MQTT_CAP_WILL | WEFT_MQTT_CAP_SHARED;
    m->receive_max = owner().config.limit.receive_max;
    m->session_expiry_s = expiry_s_;
    stream_.begin(m.get());
    owner().publish.welcome(*this);
    if (present_) restore();
    const auto over = std::move(passing_);
    for (const auto k : {session_key::state, session_key::offsets, session_key::inflight,
                         session_key::will, session_key::expiry})
        if (over->late & bit(k)) write_again(k);
    retry();
}

void session::restore() {
    loaded_session& from = *loaded();
    session_state subscribed;
    session_inflight inflight;
    if (from.state && decode(*from.state, subscribed) != decoded::ok) subscribed = {};
    if (from.inflight && decode(*from.inflight, inflight) != decoded::ok) inflight = {};
    inflight.written_ms = from.inflight_ms;
    if (from.offsets || !from.published.empty()) received().restore(from);
    if (!subscribed.filters.empty() || !inflight.deliveries.empty())
        want_subscriber().restore(subscribed, std::move(inflight));
}

}  // namespace weft::mqtt_kafka
