// Who the client is: AUTH packets (4.12), or user name and password of CONNECT.
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
    if (p.props.has(property::authentication_method)) {
        method_ = a ? a->method(p.props.text(property::authentication_method)) : nullptr;
        if (!method_)
            return close(reason::bad_authentication_method,
                         "this authentication method is not supported");
        state_ = state::authenticating;
        exchange_ = method_->begin();
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
    if (!method_) return close(protocol_error("AUTH without an authentication method in CONNECT"));
    if (p.props.text(property::authentication_method) != method_->name())  // [MQTT-4.12.0-5]
        return close(protocol_error("AUTH with another authentication method than CONNECT"));
    const bool again = p.code == reason::reauthenticate;
    if (again == (exchange_ != nullptr))
        return close(protocol_error(again ? "re-authentication within an authentication"
                                          : "AUTH without an authentication to continue"));
    if (again) exchange_ = method_->begin();
    exchange(p.props.text(property::authentication_data));
}

void connection::exchange(std::string_view data) {
    std::string answer;
    switch (exchange_->next(data, answer)) {
        case auth_exchange::verdict::more:
            return send_auth(reason::continue_authentication, answer);
        case auth_exchange::verdict::failure:  // [MQTT-4.12.0-4], [MQTT-4.12.1-2]
            return close(reason::not_authorized, "authentication failed");
        case auth_exchange::verdict::success:
            break;
    }
    const auto over = std::move(exchange_);
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
    p.props.set(property::authentication_method, method_->name());
    if (!data.empty()) p.props.set(property::authentication_data, data);
    if (!send(p) && state_ == state::authenticating)
        close(reason::packet_too_large, "AUTH is larger than the client's maximum packet size");
}

}  // namespace weft::mqtt
