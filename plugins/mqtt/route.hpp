// Routes of an mqtt server (spec 10): which exit takes the session, a publish, a subscription. The
// first route that applies wins; one without `when` takes everything.
#pragma once

#include <weft/config.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weft::mqtt {

// A topic pattern of a `when`: `+` is one level, maybe empty; `{name}` one level that is not empty;
// `#` anything. The whole text of a topic or filter must match. `params` constrain the levels
// named: a text, or one that cannot be known without a guard session.
class topic_pattern {
public:
    struct constraint {
        std::string name, value;
        bool unknown = false;  // ${guarded[...]...} of an anonymous client: never equal
    };
    topic_pattern(std::string_view pattern, const std::vector<constraint>& params);

    bool matches(std::string_view text) const;

private:
    enum class kind : uint8_t { literal, any_level, parameter, impossible, rest };
    struct level {
        kind is;
        std::string text;  // literal, or the value a parameter must have (empty: any)
    };
    std::vector<level> levels_;
};

// `*` stands for any run of characters.
bool matches_client_id(std::string_view pattern, std::string_view client_id);

struct condition {
    std::vector<std::string> client_ids;  // any of these; empty: any client
    std::vector<topic_pattern> publish, subscribe;
};

struct route {
    std::vector<condition> when;  // any of these; empty: always
    uint64_t exit = 0;
};

class router {
public:
    router() = default;
    // Reads `routes` of the configuration; throws config_error.
    explicit router(const std::vector<route_config>& routes);

    std::optional<uint64_t> session(std::string_view client_id) const;
    std::optional<uint64_t> publish(std::string_view client_id, std::string_view topic) const;
    std::optional<uint64_t> subscribe(std::string_view client_id, std::string_view filter) const;

private:
    template <class Member>
    std::optional<uint64_t> find(std::string_view client_id, std::string_view text,
                                 Member patterns) const;
    std::vector<route> routes_;
};

}  // namespace weft::mqtt
