// Checks a part of the configuration against the JSON Schema that a plugin brings. valijson judges;
// what it finds wrong is then told in one clear line per problem, because its own results name
// every branch of every alternative.
#pragma once

#include <nlohmann/json.hpp>

#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace weft::config {

struct finding {
    std::string pointer;  // of the value, below the part that was checked
    std::string text;
    bool at_key = false;   // it is the key that is wrong, not its value
    bool missing = false;  // something that is not there is required
};

struct schema_words {
    // How a value is shown; by its expression when it comes from the environment.
    std::function<std::string(const std::string& pointer, const nlohmann::json& value)> shown;
    // Is this refused key one that the reference has?
    std::function<bool(std::string_view key)> known_elsewhere;
};

// A plugin's schema cannot be used; the plugin is at fault, not the user.
class schema_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// `schema` may refer to "#/$defs/x" within `definitions`. Throws schema_error.
std::vector<finding> check(const nlohmann::json& schema, const nlohmann::json& definitions,
                           const nlohmann::json& value, const schema_words& phrases);

// What a binding type says of one of its kinds; see weft_binding_vt.options_schema.
struct kind_schema {
    enum class exit_rule { required, optional, forbidden };
    std::optional<nlohmann::json> options, when, with;  // absent: the part is forbidden
    exit_rule exit = exit_rule::optional;
    bool vault = false;
};

class binding_schema {
public:
    explicit binding_schema(const std::string& text);  // throws schema_error
    const kind_schema* kind(const std::string& name) const;
    const nlohmann::json& definitions() const { return definitions_; }

private:
    std::vector<std::pair<std::string, kind_schema>> kinds_;
    nlohmann::json definitions_ = nlohmann::json::object();
};

}  // namespace weft::config
