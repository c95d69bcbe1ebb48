#include "connection.hpp"

#include "response.hpp"
#include "server.hpp"
#include "tokens.hpp"

#include <algorithm>
#include <cstring>

namespace weft::http {
namespace {

constexpr size_t shown_max = 200;  // of a request in a text for people

chunk copy_of(const worker& w, std::string_view bytes) {
    uint8_t* to = nullptr;
    auto c = w.alloc(static_cast<uint32_t>(bytes.size()), to);
    if (to) std::memcpy(to, bytes.data(), bytes.size());
    return c;
}

std::string no_route(const request& r, std::string_view scheme) {
    std::string out = "no route of this server matches " + r.method + " " + std::string(scheme) +
                      "://" + r.authority + r.path;
    if (out.size() > shown_max) out.resize(shown_max);
    return r.upgrade.empty() ? out : out + " (upgrade: " + r.upgrade.substr(0, shown_max) + ")";
}

// What follows a head that asked for an upgrade may be meant for the tunnel that did not come.
bool stays_after(const request& r, std::string_view rest) {
    return r.keep_alive && !r.has_body && (r.upgrade.empty() || rest.empty());
}

}  // namespace

connection::connection(server& owner, stream client, const weft_begin& b)
    : owner_(owner),
      client_(client),
      origin_(std::make_unique<kept_origin>(keep(origin_of(b.h.meta)))),
      scheme_(meta_view<weft_tls_begin>(b.h.meta) ? "https" : "http"),
      trace_(b.h.trace_id),
      auth_(b.h.auth),
      affinity_(b.affinity) {
    owner_.add(*this);
    down_.open(client_);
    client_.begin(nullptr, trace_);
    client_granted_ = head_size_max;
    client_.window(head_size_max);
    arm(owner_.config.idle_timeout_ns);
}

void connection::on_data(stream, const weft_data& d) {
    switch (phase_) {
        case phase::head:
            for (const auto& s : slices(d)) head_ += text_of(s);
            return read_heads();
        case phase::verifying:
            for (const auto& s : slices(d)) pending_->rest += text_of(s);
            return;
        case phase::asking:  // a request that follows an answered one has no place: we close then
            if (!upgrade_.empty()) up_.hold(d);
            return;
        case phase::tunnel:
            // Of one that is given up nothing more is passed on.
            if (!up_.ending()) up_.data(d);
            return;
        case phase::answering:
        case phase::closing:
            return;
    }
}

// Answers wait for the client's credit; the next request waits for them.
void connection::read_heads() {
    while (phase_ == phase::head && down_.idle()) {
        while (empty_lines_ < empty_lines_max && head_.starts_with("\r\n")) {
            head_.erase(0, 2);
            ++empty_lines_;
        }
        const size_t size = head_size(head_, searched_);
        searched_ = head_.size();
        if (size == 0 && head_is_hopeless()) return;
        if (size == 0) break;

        const auto bytes = std::exchange(head_, {});
        searched_ = empty_lines_ = 0;
        head_timed_ = false;
        request r;
        refusal why;
        owner_.requests.add();
        if (parse_request(std::string_view(bytes).substr(0, size), r, why)) {
            take_request(r, std::string_view(bytes).substr(size));
        } else if (why.status == 0) {
            owner_.refused.add();
            close_behind_answer();
        } else {
            answer(why.status, why.text);
        }
    }
    if (phase_ != phase::head) return;
    if (const uint64_t edge = client_.received() - head_.size() + head_size_max;
        edge > client_granted_) {
        client_granted_ = edge;
        client_.window(head_size_max, head_.size());
    }
    if (head_.empty() || !down_.idle()) {
        arm(owner_.config.idle_timeout_ns);
    } else if (!std::exchange(head_timed_, true)) {
        arm(owner_.config
                .head_timeout_ns);  // from the first byte on: a trickle does not prolong it
    }
}

// Nothing that may still come makes a request of this.
bool connection::head_is_hopeless() {
    if (head_.empty() || head_ == "\r") return false;
    if (!is_token(std::string_view(head_).substr(0, 1))) {
        answer(400, "this is not HTTP");
    } else if (std::min(head_.find('\n'), head_.size()) > request_line_max) {
        answer(414, "a request line too long");
    } else if (head_.size() >= head_size_max) {
        answer(431, "a head too large");
    } else {
        return false;
    }
    return true;
}

void connection::take_request(const request& r, std::string_view rest) {
    const auto& config = owner_.config;
    const auto origin = r.value("origin");
    own_ = {};
    if (!config.admits(origin, scheme_, r.authority)) {
        answer(403,
               "requests of pages from " + std::string(origin.substr(0, shown_max)) +
                   " are not admitted",
               stays_after(r, rest));
    } else if (const auto c = config.guard ? find_credentials(*config.guard, r) : std::nullopt) {
        return ask_guard(r, rest, *c);
    } else {
        route_request(r, rest, false);
    }
    if (phase_ == phase::head) head_ = rest;
}

void connection::ask_guard(const request& r, std::string_view rest, std::string_view credentials) {
    phase_ = phase::verifying;
    pending_ = std::make_unique<pending_request>();
    *pending_ = {r, std::string(rest), std::make_shared<connection*>(this)};
    arm(owner_.config.answer_timeout_ns);
    weft_guard_request q{};
    q.size = sizeof q;
    q.context = reinterpret_cast<uint64_t>(this);
    q.credentials = borrowed(credentials);
    verify(owner_.here, owner_.config.guard->name, q,
           [asker = pending_->asker](auth_ref who, std::string_view) {
               if (*asker) (*asker)->guard_answered(std::move(who));
           });
}

void connection::guard_answered(auth_ref who) {
    const auto asked = std::move(pending_);
    disarm();
    phase_ = phase::head;
    const bool refused = who.id() == 0;
    own_ = std::move(who);
    route_request(asked->head, asked->rest, refused);
    if (phase_ != phase::head) return;
    head_ = std::move(asked->rest);
    read_heads();
}

void connection::forget_guard() {
    if (!pending_) return;
    *pending_->asker = nullptr;
    pending_.reset();
}

// Credentials that were refused are none: what needs none is there for everybody.
void connection::route_request(const request& r, std::string_view rest, bool guard_refused) {
    const auto& config = owner_.config;
    const auto* who = session_of(owner_.here, auth());
    const auto found = find_route(config.routes, r, scheme_, who);
    const bool stays = stays_after(r, rest);
    if (!found.to && !found.refused) {
        answer(404, no_route(r, scheme_), stays);
    } else if (!found.to && !who && !guard_refused) {
        answer(401, "this needs credentials", stays,
               config.guard ? std::string_view(config.guard->challenge) : "Bearer");
    } else if (!found.to) {
        answer(403, guard_refused ? "the credentials are not accepted" : "this needs other rights",
               stays);
    } else if (r.has_body) {
        answer(501, "requests with a body are not supported");
    } else {
        ask(*found.to, r, rest);
    }
}

// A tunnel does not outlive what its client may do. The binding above has a moment to say so in its
// own words first.
void connection::watch_expiry() {
    const auto* who = session_of(owner_.here, own_.id());
    if (!who || who->expires_ms == WEFT_GUARD_NEVER) return;
    const uint64_t now = owner_.here.wall_ms(), end = who->expires_ms + expiry_grace_ms;
    const uint64_t left = std::min(end > now ? end - now : 1, expiry_look_ms);
    arm(left * 1'000'000);
}

void connection::on_expiry() {
    const auto* who = session_of(owner_.here, own_.id());
    if (who && owner_.here.wall_ms() < who->expires_ms + expiry_grace_ms) return watch_expiry();
    owner_.expired.emit(owner_.here, WEFT_INFO, "binding.http.authorization.expired", [&] {
        return "Ended a connection of (" + std::string(who ? who->identity : "") +
               "): its authorization has expired.";
    });
    say_goodbye();
}

void connection::ask(const route& to, const request& r, std::string_view rest) {
    phase_ = phase::asking;
    upgrade_ = r.upgrade;
    body_unwanted_ = r.method == "HEAD";

    meta_writer<weft_http_begin> m;
    const auto list = m.list<weft_pair>(r.fields.size() + 4);
    size_t at = 0;
    const auto add = [&](std::string_view name, std::string_view value) {
        m.put_pair(list, at++, name, value);
    };
    add(":method", r.method);
    add(":scheme", scheme_);
    add(":authority", r.authority);
    add(":path", r.path);
    for (const auto& f : r.fields)
        if (f.name != "content-length") add(f.name, f.value);
    m->headers = {list.off, static_cast<uint32_t>(at)};
    write_origin(m, *origin_);

    exit_open_ = true;
    exit_stream_ = owner_.here.open(to.exit, exit_, m.get(), trace_, auth(), affinity_);
    up_.open(exit_stream_);
    arm(owner_.config.answer_timeout_ns);
    if (upgrade_.empty()) return exit_stream_.end();
    if (rest.empty()) return;
    auto early = copy_of(owner_.here, rest);
    if (early.empty()) return tear_down();
    up_.push(std::move(early));
}

void connection::exit_answered(const weft_begin& b) {
    if (phase_ != phase::asking) return;
    const meta_view<weft_http_begin> head(b.h.meta);
    const int status = status_of(head);
    if (status == 0 || (status < 200 && (status != 101 || upgrade_.empty())))
        return fail_exit(502, "the exit's answer is none");
    const auto bytes = answer_head(head, upgrade_);
    if (bytes.empty()) return fail_exit(502, "the exit's answer is none");
    disarm();
    if (!say(bytes)) return;

    if (status == 101) {
        owner_.upgrades.add();
        phase_ = phase::tunnel;
        watch_expiry();
        origin_.reset();
        if (client_ended_) up_.end();
        up_.pump();
        up_.grant(client_, client_granted_);
        return down_.grant(exit_stream_, exit_granted_);
    }
    up_.drop();
    exit_stream_.end();
    phase_ = phase::answering;
    if (!body_unwanted_ && status != 204 && status != 304)
        return down_.grant(exit_stream_, exit_granted_);
    exit_stream_.reset();
    close_behind_answer();
}

void connection::exit_data(const weft_data& d) {
    if (phase_ == phase::tunnel || phase_ == phase::answering) down_.data(d);
}

void connection::exit_window() {
    if (phase_ != phase::tunnel) return;
    up_.pump();
    if (client_open_) up_.grant(client_, client_granted_);
}

void connection::exit_ended() {
    if (phase_ == phase::asking) return fail_exit(502, "the exit did not answer");
    if (phase_ == phase::tunnel) return down_.end();
    if (phase_ == phase::answering) close_behind_answer();
}

void connection::exit_broke() {
    if (phase_ == phase::asking) return fail_exit(502, "the exit did not answer");
    tear_down();
}

void connection::exit_refused() {
    if (phase_ == phase::asking) return fail_exit(404, "the route's exit refused this request");
    if (phase_ != phase::tunnel) return;
    up_.drop();
    client_.reset();
}

void connection::on_window(stream, const weft_window&) {
    down_.pump();
    if (phase_ == phase::closing) {
        if (down_.ended()) close_behind_answer();
    } else if (phase_ == phase::head) {
        if (!head_.empty() && down_.idle()) read_heads();
    } else if (phase_ != phase::asking && exit_open_) {
        down_.grant(exit_stream_, exit_granted_);
    }
}

// A client may have said all it has to say and still wait for the answer.
void connection::on_end(stream, const weft_frame& f) {
    client_ended_ = true;
    if (phase_ == phase::tunnel) {
        const meta_view<weft_tcp_reset> why(f.meta);
        why ? up_.give_up(std::string(why.text(why->text))) : up_.end();
    }
    if (phase_ == phase::head) close_behind_answer();
}

void connection::answer(int status, std::string_view text, bool keep_alive,
                        std::string_view challenge) {
    owner_.refused.add();
    const bool stays = keep_alive && !owner_.draining && !client_ended_;
    if (!say(own_answer(status, text, stays, challenge))) return;
    if (!stays) return close_behind_answer();
    phase_ = phase::head;
}

void connection::fail_exit(int status, std::string_view text) {
    end_exit();
    answer(status, text);
}

bool connection::say(std::string_view bytes) {
    auto c = copy_of(owner_.here, bytes);
    if (c.empty()) {
        tear_down();
        return false;
    }
    down_.push(std::move(c));
    down_.pump();
    return true;
}

// END once the answer is out, and nothing more is read: tcp then writes what is queued and closes.
void connection::close_behind_answer() {
    phase_ = phase::closing;
    forget_guard();
    head_ = {};
    up_.drop();
    down_.end();
    if (!down_.ended()) return arm(owner_.config.idle_timeout_ns);
    disarm();
    client_.reset();
}

void connection::end_exit() {
    if (!exit_open_) return;
    exit_stream_.abort();
    exit_stream_.reset();
}

void connection::tear_down() {
    phase_ = phase::closing;
    disarm();
    forget_guard();
    up_.drop();
    down_.drop();
    end_exit();
    if (!client_open_) return;
    client_.abort();
    client_.reset();
}

void connection::on_closed(stream) {
    client_open_ = false;
    disarm();
    forget_guard();
    down_.close();
    end_exit();
    free_if_closed();
}

void connection::exit_closed() {
    exit_open_ = false;
    up_.close();
    // Refused: a request that is complete has ended its direction, so there is none to reset.
    if (phase_ == phase::asking && client_open_)
        return answer(404, "the route's exit refused this request");
    free_if_closed();
}

void connection::free_if_closed() {
    if (client_open_ || exit_open_) return;
    owner_.remove(*this);
    delete this;
}

void connection::say_goodbye() {
    switch (phase_) {
        case phase::head:
            return head_.empty() ? close_behind_answer() : answer(503, "the server stops");
        case phase::verifying:
            forget_guard();
            return answer(503, "the server stops");
        case phase::asking:
            return fail_exit(503, "the server stops");
        case phase::tunnel:
            // What is said in the tunnel's own protocol comes down it, and then the end.
            if (std::exchange(leaving_, true)) return;
            up_.give_up("the server ends this connection");
            return arm(goodbye_timeout_ms * 1'000'000);
        case phase::answering:  // cut off, and to be seen as that
            return tear_down();
        case phase::closing:
            return;
    }
}

void connection::move_on() {
    if (phase_ == phase::tunnel) client_.drain();
}

void connection::arm(uint64_t ns) {
    disarm();
    timer_ = owner_.here.timer_at(owner_.here.now_ns() + ns, call<&connection::on_timer>, this);
}

void connection::disarm() {
    if (timer_) owner_.here.cancel(std::exchange(timer_, 0));
}

void connection::on_timer() {
    timer_ = 0;
    if (phase_ == phase::verifying) {
        forget_guard();
        return answer(504, "the guard did not answer in time");
    }
    if (phase_ == phase::tunnel) return leaving_ ? tear_down() : on_expiry();
    if (phase_ == phase::asking) return fail_exit(504, "the exit did not answer in time");
    if (phase_ != phase::head || !down_.idle()) return tear_down();
    if (head_.empty()) return close_behind_answer();
    answer(408, "the request did not come in time");
}

}  // namespace weft::http
