// The credentials of a binding as seen from one worker: keeps connections back until there are
// some, asks the guard that has them, and tells when there are none to be had.
#pragma once

#include "config.hpp"
#include "credentials.hpp"

#include <weft/guard.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace weft::kafka::client {

class bridge;
class health;

class login {
public:
    // `all` may be null: nobody is asked for anything.
    login(worker w, const client_config& config, credentials* all, bridge& b, health& h);
    ~login();
    login(const login&) = delete;
    login& operator=(const login&) = delete;

    // Connections are about to be made.
    void begin();
    // Brokers have refused what there is.
    void on_refused();

private:
    void heard(const std::string& why_not);
    void ask_guard();
    void on_guard(const auth_ref& who, std::string_view why_not);
    void ask_again_in(uint64_t ms);

    worker worker_;
    const client_config& config_;
    credentials* const all_;
    bridge& bridge_;
    health& health_;
    std::shared_ptr<login*> asked_;  // shared with the answer that is awaited
    uint64_t timer_ = 0;
    bool begun_ = false;
};

}  // namespace weft::kafka::client
