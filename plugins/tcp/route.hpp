// Routes by port, network and name. First match wins; the items of `when` are OR-ed, the fields of
// an item AND-ed.
#pragma once

#include "address.hpp"
#include "ports.hpp"

#include <weft/config.hpp>
#include <weft/first_byte.hpp>
#include <weft/guard.hpp>
#include <weft/text.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weft::tcp {

// What a route is asked about. A server asks about its own (local) end of the connection, as
// existing configurations expect; a client about the destination.
struct route_subject {
    ip_address address;
    uint16_t port = 0;
    std::string_view
        authority;  // server: name of the local address; client: the host that was asked for
    std::optional<first_protocol> speaks = {};  // nothing: not known yet
    const weft_guard_session* who = nullptr;    // whose connection or stream it is
};

struct route_condition {
    port_set ports;                             // empty: any
    std::optional<cidr> network;                // nothing: any
    std::string authority;                      // pattern, empty: any
    std::optional<first_protocol> speaks = {};  // nothing: any

    bool matches(const route_subject& s) const;
    // Whether it would, if the client spoke what is asked for.
    bool may_match(const route_subject& s) const;
};

class route_table {
public:
    route_table() = default;
    // Throws config_error. `of`: the binding, whose namespace guards without one are in.
    explicit route_table(const std::vector<route_config>& routes, const binding_config& of = {});

    bool empty() const { return routes_.empty(); }
    bool guarded() const { return guarded_; }  // any of them
    bool needs_authority() const { return needs_authority_; }
    // Whether the exit depends on what the client says first, and that is not known.
    bool needs_protocol(const route_subject& s) const;
    // The exit of the first route that matches; nothing when none does.
    std::optional<uint64_t> match(const route_subject& s) const;

private:
    struct route {
        std::vector<route_condition> any_of;  // empty: always
        guarded_rule guarded;
        uint64_t exit = 0;
    };
    std::vector<route> routes_;
    bool needs_authority_ = false, needs_protocol_ = false, guarded_ = false;
};

// '*' stands for any characters including none, all else for itself. The whole text must match;
// letters match in either case (RFC 4343: host names do not differ by case).
inline bool wildcard_match(std::string_view pattern, std::string_view text) {
    return weft::wildcard_match(pattern, text, {.any_case = true});
}

}  // namespace weft::tcp
