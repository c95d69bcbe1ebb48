#include "server.hpp"

#include "../http/limits.hpp"
#include "../http/request.hpp"
#include "../http/response.hpp"
#include "../http/tokens.hpp"

namespace weft::ws {
namespace {

upgrade_request request_of(const meta_view<weft_http_begin>& m) {
    upgrade_request r;
    for (const auto& pair : m.list<weft_pair>(m->headers)) {
        const std::string name(m.text(pair.name)), value(m.text(pair.value));
        if (name == ":method") r.method = value;
        if (name == ":scheme") r.scheme = value;
        if (name == ":authority") r.authority = value;
        if (name == ":path") r.path = value;
        if (!name.starts_with(':')) r.headers.emplace_back(name, value);
    }
    r.upgradable = false;
    http::for_each_token(r.list("connection").value_or(""), [&](std::string_view token) {
        r.upgradable |= equal_ignoring_case(token, "upgrade");
    });
    return r;
}

upgrade_request request_of(http::request r, std::string_view scheme) {
    upgrade_request out;
    out.method = std::move(r.method);
    out.scheme = scheme;
    out.authority = std::move(r.authority);
    out.path = std::move(r.path);
    out.upgradable = !r.upgrade.empty();
    for (auto& f : r.fields) out.headers.emplace_back(std::move(f.name), std::move(f.value));
    return out;
}

std::string bytes_of(const reply& r) {
    std::string out =
        "HTTP/1.1 " + std::to_string(r.status) + " " + http::reason_phrase(r.status) + "\r\n";
    for (const auto& [name, value] : r.headers) out += name + ": " + value + "\r\n";
    if (r.status == 101) return out + "connection: upgrade\r\n\r\n";
    return out + "content-type: text/plain; charset=utf-8\r\ncontent-length: " +
           std::to_string(r.text.size() + 1) + "\r\nconnection: close\r\n\r\n" + r.text + "\n";
}

}  // namespace

endpoint* server_hub::accept(stream s, const weft_begin& b) {
    if (stopping()) return nullptr;
    auto* made = new server_session(*this, s, b);
    return made->take(b);
}

server_session::server_session(server_hub& h, stream net, const weft_begin& b)
    : session(h),
      opening_(std::make_unique<opening>()),
      behind_http_(static_cast<bool>(meta_view<weft_http_begin>(b.h.meta))),
      trace_(b.h.trace_id),
      auth_(b.h.auth),
      affinity_(b.affinity) {
    const auto from = origin_of(b.h.meta);
    opening_->from = keep(from);
    remote_ = from.peer();
    net_ = net;
    net_open_ = true;
    out_.open(net_);
}

endpoint* server_session::take(const weft_begin& b) {
    arm(hub_.config.handshake_timeout_ns);
    if (behind_http_) {
        judge_request(request_of(meta_view<weft_http_begin>(b.h.meta)));
    } else {
        net_.begin(nullptr, trace_);
        net_granted_ = http::head_size_max;
        net_.window(http::head_size_max);
    }
    return &net_end_;
}

std::string server_session::peer() const {
    return "peer " + (remote_.empty() ? "unknown" : remote_);
}

void server_session::shake_hands() {
    if (behind_http_) return;
    auto& head = opening_->head;
    // The inbox keeps what the request is read from, so that what follows it is where it was.
    in_.for_each_from(head.size(), [&](bytes b) {
        head.append(reinterpret_cast<const char*>(b.data()), b.size());
    });
    const size_t size = http::head_size(head, opening_->searched);
    opening_->searched = head.size();
    if (size == 0 && head_is_hopeless()) return;
    if (size == 0) {
        if (net_in_over_) close_quietly();
        return;
    }
    http::request r;
    http::refusal why;
    const bool read = http::parse_request(std::string_view(head).substr(0, size), r, why);
    in_.consume(size);
    opening_->head = {};
    if (!read && why.status == 0) {
        hub_.refused.add();
        return close_quietly();
    }
    if (!read) return refuse({why.status, {}, why.text});
    if (r.has_body) return refuse({400, {}, "a request for a WebSocket has no body"});
    judge_request(request_of(std::move(r), opening_->from.encrypted() ? "https" : "http"));
}

// Nothing that may still come makes a request of this.
bool server_session::head_is_hopeless() {
    const auto& head = opening_->head;
    if (head.empty()) return false;
    if (!http::is_token(std::string_view(head).substr(0, 1))) {
        refuse({400, {}, "this is not HTTP"});
    } else if (std::min(head.find('\n'), head.size()) > http::request_line_max) {
        refuse({414, {}, "a request line too long"});
    } else if (head.size() >= http::head_size_max) {
        refuse({431, {}, "a head too large"});
    } else {
        return false;
    }
    return true;
}

void server_session::judge_request(const upgrade_request& r) {
    auto& accepted = opening_->accepted;
    accepted = judge(r, hub_.config, hub_.here, auth_);
    if (!accepted.to) return refuse(accepted.answer);
    if (accepted.deflate && !hub_.has_memory(accepted.deflate->memory(*hub_.config.deflate))) {
        accepted.deflate.reset();
        std::erase_if(accepted.answer.headers,
                      [](const auto& h) { return h.first == "sec-websocket-extensions"; });
    }
    if (accepted.deflate) hold_memory(*accepted.deflate);
    meta_writer<weft_ws_begin> m;
    write_origin(m, opening_->from);
    m->protocol = m.text_unless_empty(accepted.protocol);
    m->scheme = m.text_unless_empty(r.scheme);
    m->authority = m.text_unless_empty(r.authority);
    m->path = m.text_unless_empty(r.path);
    // 101 is said when the exit has taken the connection, so that a refusal can be answered.
    phase_ = phase::waiting;
    app_open_ = true;
    app_ = hub_.here.open(accepted.to->exit, app_end_, m.get(), trace_, auth_, affinity_);
}

void server_session::app_answered() {
    if (phase_ != phase::waiting) return;
    const auto done = std::exchange(opening_, nullptr);
    respond(done->accepted.answer);
    if (phase_ != phase::waiting) return;
    open_up(done->accepted.protocol, done->accepted.deflate);
    if (hub_.draining()) move_on();
}

void server_session::app_refused() {
    give_app_up();
    if (phase_ == phase::waiting) refuse({404, {}, "the route's exit refused this connection"});
}

void server_session::give_app_up() {
    if (!app_open_) return;
    app_.abort();
    app_.reset();
}

void server_session::handshake_failed(int status, const std::string& text) {
    give_app_up();
    if (status == 408)
        hub_.tell(WEFT_WARN, "binding.ws.handshake.timeout",
                  "The WebSocket handshake did not complete in time (" + peer() + ").");
    if (phase_ == phase::handshaking && opening_->head.empty() && !behind_http_)
        return close_quietly();  // nothing was asked
    refuse({status, {}, text});
}

void server_session::refuse(const reply& r) {
    hub_.refused.add();
    hub_.tell(WEFT_INFO, "binding.ws.handshake.refused",
              "A request for a WebSocket was answered with " + std::to_string(r.status) + ": " +
                  r.text + " (" + peer() + ").",
              std::to_string(r.status));
    phase_ = phase::over;
    respond(r);
    opening_.reset();
    if (net_open_) close_quietly();
}

void server_session::respond(const reply& r) {
    if (!behind_http_) {
        say(bytes_of(r));
        return;
    }
    meta_writer<weft_http_begin> m;
    const auto list = m.list<weft_pair>(r.headers.size() + 1);
    m.put_pair(list, 0, ":status", std::to_string(r.status));
    for (size_t i = 0; i < r.headers.size(); ++i)
        m.put_pair(list, i + 1, r.headers[i].first, r.headers[i].second);
    m->headers = list;
    net_.begin(m.get(), trace_);
    if (r.status != 101) say(r.text + "\n");
}

}  // namespace weft::ws
