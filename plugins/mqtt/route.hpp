// Routes of an mqtt server (spec 10): which exit takes the session, a publish, a subscription. The
// first route that applies wins; one without `when` takes everything.
#pragma once

#include <weft/guard.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weft::mqtt {

// A topic pattern of a `when`: `+` is one level, maybe empty; `{name}` one level that is not empty;
// `#` anything. The whole text of a topic or filter must match. `params` constrain the levels
// named: a text, or who the client is.
class topic_pattern {
public:
    struct constraint {
        std::string name;
        guarded_text value;
    };
    topic_pattern(std::string_view pattern, const std::vector<constraint>& params);

    bool matches(std::string_view text, const weft_guard_session* who = nullptr) const;
    bool personal() const;  // depends on who it is

private:
    enum class kind : uint8_t { literal, any_level, parameter, personal, rest };
    struct level {
        kind is;
        std::string text;    // literal, or the value a parameter must have (empty: any)
        guarded_text value;  // personal
    };
    std::vector<level> levels_;
};

// `*` stands for any run of characters.
bool matches_client_id(std::string_view pattern, std::string_view client_id);

// A client id of a `when`: with `*`, and maybe with who the client is.
struct client_pattern {
    std::string pattern;
    guarded_text value;  // when it is not constant: instead of `pattern`

    bool matches(std::string_view client_id, const weft_guard_session* who) const;
};

struct condition {
    std::vector<client_pattern> client_ids;  // any of these; empty: any client
    std::vector<topic_pattern> publish, subscribe;
};

struct route {
    guarded_rule guarded;
    std::vector<condition> when;  // any of these; empty: always
    uint64_t exit = 0;
};

// `who`: the client's session of a guard; null for an anonymous one.
class router {
public:
    router() = default;
    // Reads `routes` of the configuration; throws config_error.
    explicit router(const std::vector<route_config>& routes, const std::string& ns = {});

    // Some route depends on who the client is.
    bool personal() const { return personal_; }

    std::optional<uint64_t> session(std::string_view client_id,
                                    const weft_guard_session* who = nullptr) const;
    std::optional<uint64_t> publish(std::string_view client_id, std::string_view topic,
                                    const weft_guard_session* who = nullptr) const;
    std::optional<uint64_t> subscribe(std::string_view client_id, std::string_view filter,
                                      const weft_guard_session* who = nullptr) const;

private:
    template <class Member>
    std::optional<uint64_t> find(std::string_view client_id, std::string_view text,
                                 const weft_guard_session* who, Member patterns) const;
    std::vector<route> routes_;
    bool personal_ = false;
};

}  // namespace weft::mqtt
