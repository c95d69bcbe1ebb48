#include "client.hpp"

#include <weft/origin.hpp>

#include <cerrno>
#include <cstring>

namespace weft::ws {

endpoint* client_hub::accept(stream s, const weft_begin& b) {
    if (stopping()) return nullptr;
    auto* made = new client_session(*this, s, b);
    return made->take(b);
}

client_session::client_session(client_hub& h, stream app, const weft_begin& b)
    : session(h), auth_(b.h.auth) {
    const auto& c = h.config;
    target_ = {c.protocol, c.scheme, c.authority, c.path};
    remote_ = origin_of(b.h.meta).peer();
    if (const meta_view<weft_ws_begin> asked(b.h.meta); asked) {
        const auto take = [&](std::string& to, weft_ref from) {
            if (const auto text = asked.text(from); !text.empty()) to = text;
        };
        take(target_.protocol, asked->protocol);
        take(target_.scheme, asked->scheme);
        take(target_.authority, asked->authority);
        take(target_.path, asked->path);
    }
    if (target_.authority.empty()) target_.authority = remote_.empty() ? "localhost" : remote_;
    app_ = app;
}

endpoint* client_session::take(const weft_begin& b) {
    const auto chosen = choose_route(
        hub_.config.routes, {target_.scheme, target_.authority, target_.path},
        target_.protocol.empty() ? std::vector<std::string>() : std::vector{target_.protocol},
        hub_.here, auth_);
    if (!chosen.to) {
        delete this;
        return nullptr;
    }
    // A destination is passed on; what the exit knows by itself is better left to it.
    meta_writer<weft_tcp_begin> to;
    const weft_meta* meta = b.h.meta;
    if (meta_view<weft_ws_begin>(meta)) {
        const auto o = origin_of(meta);
        to->remote_port = o.remote_port;
        const auto ref = to.text(o.remote_host);
        if (!o.remote_host.empty()) to->remote_host = ref;
        meta = o.remote_host.empty() ? nullptr : to.get();
    }
    app_open_ = net_open_ = true;
    net_ = hub_.here.open(chosen.to->exit, net_end_, meta, b.h.trace_id, auth_, b.affinity);
    out_.open(net_);
    return &app_end_;
}

void client_session::net_begun(const weft_begin& b) {
    if (phase_ != phase::handshaking || !key_.empty()) return;
    if (b.h.meta) {
        answer_.resize((b.h.meta->size + 7) / 8);
        std::memcpy(answer_.data(), b.h.meta, b.h.meta->size);
    }
    uint8_t random[16];
    hub_.random(random, sizeof random);
    key_ = make_key({reinterpret_cast<const char*>(random), sizeof random});
    arm(hub_.config.handshake_timeout_ns);
    net_granted_ = answer_head_max;
    net_.window(answer_head_max);
    say(make_request(target_, key_, hub_.config.deflate ? &*hub_.config.deflate : nullptr));
}

void client_session::shake_hands() {
    const size_t searched = head_.size();
    in_.for_each_from(searched, [&](bytes b) {
        head_.append(reinterpret_cast<const char*>(b.data()), b.size());
    });
    const size_t size = answer_head_size(head_);
    if (size == 0) {
        if (net_in_over_) return handshake_failed(502, "the server closed the connection");
        if (head_.size() >= answer_head_max)
            return handshake_failed(502, "the server's answer has no end");
        return;
    }
    std::optional<agreed> deflate;
    const auto wrong = read_reply(std::string_view(head_).substr(0, size), target_, key_,
                                  hub_.config.deflate ? &*hub_.config.deflate : nullptr, deflate);
    if (!wrong.empty()) return handshake_failed(502, wrong);
    // It was offered, so it must be kept, whatever the limit says.
    if (deflate) hold_memory(*deflate);
    in_.consume(size);
    head_ = {};
    key_ = {};
    const auto* m = answer_.empty() ? nullptr : reinterpret_cast<const weft_meta*>(answer_.data());
    app_.begin(m);
    answer_ = {};
    open_up(target_.protocol, deflate);
    if (hub_.draining()) move_on();
}

void client_session::handshake_failed(int, const std::string& text) {
    hub_.failed.add();
    hub_.tell(WEFT_WARN, "binding.ws.handshake.failed",
              "No WebSocket connection was made: " + text + " (" + peer() + ").");
    if (app_open_) {
        meta_writer<weft_tcp_reset> why;
        why->error = EPROTO;
        const auto ref = why.text("WebSocket with " + target_.authority + ": " + text);
        why->text = ref;
        app_.reset(why.get());
        app_.abort(why.get());
    }
    close_quietly();
}

std::string client_session::peer() const {
    return "server " + target_.authority + (remote_.empty() ? "" : ", " + remote_);
}

// Whoever keeps a connection for long opens the next one through the newer generation.
void client_session::move_on() {
    if (phase_ == phase::open && app_open_) app_.drain();
}

}  // namespace weft::ws
