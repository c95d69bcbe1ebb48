// The guard that takes everybody for who they say they are: for tests, for networks where nobody
// lies, and to hold fixed credentials.
#pragma once

#include <weft/guard.hpp>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace weft::guard_inline {

// "{identity}:{credentials}", either of them once.
class text_format {
public:
    // Throws std::invalid_argument.
    explicit text_format(std::string_view text);

    // False when the text is another one, or has nothing where something belongs.
    bool read(std::string_view text, std::string& identity, std::string& credentials) const;

private:
    std::string before_, between_, after_;
    bool identity_first_ = true, both_ = false, has_identity_ = false;
};

// What an identity has beside its name.
struct holding {
    std::vector<std::string> roles;
    std::vector<std::pair<std::string, std::string>> attributes;
};

struct inline_config {
    std::optional<std::string> identity, credentials;
    std::optional<text_format> format;
    std::vector<std::string> roles = {};                     // of everybody
    std::map<std::string, holding, std::less<>> users = {};  // by identity
};

// Throws config_error.
inline_config read_config(const entity_config& c);

class inline_guard final : public guard {
public:
    explicit inline_guard(inline_config c) : config_(std::move(c)) {}
    void verify(worker asker, const weft_guard_request& q, guard_answer answer) override;

private:
    const inline_config config_;
};

}  // namespace weft::guard_inline
