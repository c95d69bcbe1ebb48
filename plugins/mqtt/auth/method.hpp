// Enhanced authentication (MQTT 5, 4.12): what a method must do. One exchange is one conversation
// of AUTH packets, at CONNECT or later; the connection carries its bytes and knows nothing of them.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace weft::mqtt {

class auth_exchange {
public:
    enum class verdict : uint8_t { more, success, failure };

    virtual ~auth_exchange() = default;

    // Takes the client's Authentication Data (empty when there was none) and gives the answer's.
    // After success or failure the exchange is over. Must not block.
    virtual verdict next(std::string_view in, std::string& out) = 0;

    // Who the client is, after success.
    virtual std::string_view identity() const = 0;
};

class auth_method {
public:
    virtual ~auth_method() = default;

    // The Authentication Method as clients spell it.
    virtual std::string_view name() const = 0;
    virtual std::unique_ptr<auth_exchange> begin() const = 0;
};

}  // namespace weft::mqtt
