// hello: reads a ClientHello out of the first bytes of a connection, without answering it.
#pragma once

#include "ossl.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weft::tls {

class hello {
public:
    enum class state { incomplete, complete, no_tls };

    hello();
    hello(const hello&) = delete;
    hello& operator=(const hello&) = delete;

    state feed(std::string_view bytes);

    const std::optional<std::string>& authority() const { return authority_; }
    const std::vector<std::string>& protocols() const { return protocols_; }

private:
    static int found(SSL* s, int* alert, void* self);
    void read_extensions(SSL* s);

    ctx_ptr ctx_;
    ssl_ptr ssl_;
    bool found_ = false;
    std::optional<std::string> authority_;
    std::vector<std::string> protocols_;
};

}  // namespace weft::tls
