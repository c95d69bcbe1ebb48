// The client kind: every stream that is opened to it becomes a connection through its exit, and is
// answered when the handshake is done.
#pragma once

#include "session.hpp"

#include <map>

namespace weft::tls {

class client_hub final : public hub {
public:
    using hub::hub;
    endpoint* accept(stream s, const weft_begin& b) override;

    // Sessions to resume, by server and by the certificate that was shown.
    void remember(const std::string& key, ssl_session_ptr s);
    ssl_session_ptr take(const std::string& key);

private:
    std::map<std::string, ssl_session_ptr> remembered_;
};

class client_session final : public session {
public:
    client_session(client_hub& h, std::shared_ptr<const context> c, stream app,
                   const weft_begin& b);
    // The endpoint of the stream from above, or nullptr: it is refused, and this object gone.
    endpoint* take(const weft_begin& b);
    void move_on() override;

private:
    void net_begun(const weft_begin& b) override;
    void established() override;
    void tell_app(const failure& f) override;
    std::string peer() const override;

    void set_name();
    void show_certificate();
    static int remember(void* self, SSL_SESSION* s);

    client_hub& clients_;
    const route* route_ = nullptr;
    std::string host_, name_;  // asked for; to be verified
    std::string key_;          // of the session to resume
    uint16_t port_ = 0;
    const uint64_t auth_;
    std::vector<uint64_t> answer_;  // the metadata of the connection below
};

}  // namespace weft::tls
