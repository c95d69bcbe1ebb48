// Who the client is: AUTH packets (4.12), or user name and password of CONNECT.
#include "auth/bearer.hpp"
#include "connection.hpp"

namespace weft::mqtt {

// A password being checked on a thread that may block. It outlives the connection if it must, which
// then has taken itself out.
class password_check {
public:
    password_check(connection& c, const authentication& a, const packet& p)
        : owner_(&c), name_(*p.connect.user_name), password_(as_text(*p.connect.password)) {
        credential_ = a.users().find(name_, known_);
    }
    void work() {
        try {
            right_ = password_file::proves(password_, credential_) && known_;
        } catch (const std::exception& e) {
            fault_ = e.what();
        }
    }
    void done() {
        if (!fault_.empty()) log(WEFT_ERROR, fault_.c_str());
        if (owner_) owner_->on_password_checked(right_, name_);
    }
    void forget() { owner_ = nullptr; }

private:
    connection* owner_;
    const std::string name_, password_;
    credential credential_;
    std::string fault_;
    bool known_ = false, right_ = false;
};

void connection::forget_check() {
    if (!handshake_ || !handshake_->checking) return;
    handshake_->checking->forget();
    handshake_->checking = nullptr;
}

// CONNECT is well-formed and could be let in.
void connection::identify() {
    const packet& p = server_.in;
    const authentication* a = server_.config.auth.get();
    if (server_.config.guard) return identify_by_guard(*server_.config.guard);
    if (p.props.has(property::authentication_method)) {
        const auto* method = a ? a->method(p.props.text(property::authentication_method)) : nullptr;
        if (!method)
            return close(reason::bad_authentication_method,
                         "this authentication method is not supported");
        state_ = state::authenticating;
        extras& x = want_extras();
        x.method = method;
        x.exchange = method->begin();
        return exchange(p.props.text(property::authentication_data));
    }
    if (!a) return open_session();
    if (a->passwords && p.connect.user_name) {
        if (!p.connect.password)
            return close(reason::bad_user_name_or_password, "user name without password");
        return check_password(*a);
    }
    if (a->required)
        return close(reason::not_authorized, "neither an authentication method nor a user name");
    open_session();
}

// Who offers no credentials is anonymous, and may have routes that are not guarded; who offers such
// as are refused is not.
void connection::identify_by_guard(const guard_use& g) {
    const packet& p = server_.in;
    if (p.props.has(property::authentication_method)) {
        if (p.props.text(property::authentication_method) != bearer_method)
            return close(reason::bad_authentication_method,
                         "this authentication method is not supported");
        bearer_ = true;
        state_ = state::authenticating;
        const auto data = p.props.text(property::authentication_data);
        // A client may let the server speak first (RFC 4422, 5.1).
        return data.empty() ? send_auth(reason::continue_authentication, {}) : on_bearer();
    }
    auto field = p.connect.user_name;
    if (g.in_password)
        field = p.connect.password ? std::optional(as_text(*p.connect.password)) : std::nullopt;
    if (!field) return open_session();
    const auto credentials = g.pattern.of(*field);
    if (!credentials)
        return close(reason::bad_user_name_or_password,
                     "not the form of credentials that is asked for");
    state_ = state::connecting;
    server_.disarm(*this);
    ask_guard(*credentials);
}

// The guard's answer is always later, also when it knows it at once.
void connection::ask_guard(std::string_view credentials) {
    const std::string peer_text(peer());
    std::string user_name;
    weft_guard_request q{};
    q.size = sizeof q;
    q.context = reinterpret_cast<uint64_t>(this);
    q.auth = state_ == state::connected ? auth() : 0;
    if (!bearer_ && server_.in.connect.user_name) {
        user_name = *server_.in.connect.user_name;
        q.username = user_name.c_str();
    }
    q.credentials = borrowed(credentials);
    q.remote = peer_text.c_str();
    auto& asked = want_extras().guard.asked;
    asked = std::make_shared<connection*>(this);
    verify(server_.here, server_.config.guard->name, q,
           [asked](auth_ref who, std::string_view why_not) {
               if (*asked) (*asked)->on_guard_answered(std::move(who), why_not);
           });
}

void connection::on_guard_answered(auth_ref who, std::string_view why_not) {
    extras_->guard.asked.reset();
    if (who.id() == 0)
        return close(bearer_ ? reason::not_authorized : reason::bad_user_name_or_password, why_not);
    if (state_ == state::connected) return reauthenticated(std::move(who));
    adopt(std::move(who));
    open_session();
}

void connection::adopt(auth_ref who) {
    const auto* s = session_of(server_.here, who.id());
    if (!s) return;
    authorized& by = want_extras().guard;
    by.session = std::move(who);
    by.expires_ms = s->expires_ms;
    const std::string id(client_id()), identity = s->identity;
    remember_names(id, identity);
}

// The session upstream keeps the rights that it was opened with, so a token may prolong them and
// not change them: then it is the same session of the guard.
void connection::reauthenticated(auth_ref who) {
    if (who.id() != auth())
        return close(reason::not_authorized,
                     "re-authentication with another identity or other rights");
    extras_->guard.expires_ms = session_of(server_.here, who.id())->expires_ms;
    arm_connected();
    send_auth(reason::success, {});
}

// OAUTHBEARER at CONNECT, or later with a token that lasts longer.
void connection::on_bearer() {
    if (asks_guard()) return close(protocol_error("AUTH before the answer to an earlier one"));
    const auto token = bearer_token(server_.in.props.text(property::authentication_data));
    if (!token) return close(reason::not_authorized, "not a message of OAUTHBEARER");
    if (state_ == state::authenticating) {
        state_ = state::connecting;
        server_.disarm(*this);
    }
    ask_guard(*token);
}

// The iterations that make a stolen file worth little take a millisecond and more, so a thread that
// may block does them; without one, this one.
void connection::check_password(const authentication& a) {
    state_ = state::connecting;
    server_.disarm(*this);
    auto check = std::make_unique<password_check>(*this, a, server_.in);
    handshake_->checking = check.get();
    if (!services.tasks) {
        check->work();
        return check->done();
    }
    if (server_.here.run(std::move(check))) return;
    handshake_->checking = nullptr;
    close(reason::server_busy, "no thread to check the password");
}

void connection::on_password_checked(bool right, std::string_view name) {
    handshake_->checking = nullptr;
    if (!right) return close(reason::bad_user_name_or_password, "wrong user name or password");
    const std::string id(client_id());
    remember_names(id, name);
    open_session();
}

void connection::on_auth() {
    const packet& p = server_.in;
    if (!method() && !bearer_)
        return close(protocol_error("AUTH without an authentication method in CONNECT"));
    if (p.props.text(property::authentication_method) !=
        (bearer_ ? bearer_method : method()->name()))  // [MQTT-4.12.0-5]
        return close(protocol_error("AUTH with another authentication method than CONNECT"));
    const bool again = p.code == reason::reauthenticate;
    if (bearer_ && again == (state_ == state::connected)) return on_bearer();
    if (bearer_) return close(protocol_error("AUTH with the reason code of another state"));
    if (again == (extras_->exchange != nullptr))
        return close(protocol_error(again ? "re-authentication within an authentication"
                                          : "AUTH without an authentication to continue"));
    if (again) extras_->exchange = method()->begin();
    exchange(p.props.text(property::authentication_data));
}

void connection::exchange(std::string_view data) {
    std::string answer;
    switch (extras_->exchange->next(data, answer)) {
        case auth_exchange::verdict::more:
            return send_auth(reason::continue_authentication, answer);
        case auth_exchange::verdict::failure:  // [MQTT-4.12.0-4], [MQTT-4.12.1-2]
            return close(reason::not_authorized, "authentication failed");
        case auth_exchange::verdict::success:
            break;
    }
    const auto over = std::move(extras_->exchange);
    if (state_ == state::authenticating) {
        const std::string id(client_id());
        remember_names(id, over->identity());
        handshake_->auth_data = std::move(answer);
        return open_session();
    }
    if (over->identity() != identity())
        return close(reason::not_authorized, "re-authentication as somebody else");
    send_auth(reason::success, answer);
}

void connection::send_auth(reason code, std::string_view data) {
    packet& p = server_.out;
    p.reset(packet_type::auth, version());
    p.code = code;
    p.props.set(property::authentication_method, bearer_ ? bearer_method : method()->name());
    if (!data.empty()) p.props.set(property::authentication_data, data);
    if (!send(p) && state_ == state::authenticating)
        close(reason::packet_too_large, "AUTH is larger than the client's maximum packet size");
}

}  // namespace weft::mqtt
