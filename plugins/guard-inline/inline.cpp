#include "inline.hpp"

#include <stdexcept>

namespace weft::guard_inline {
namespace {

constexpr std::string_view identity_place = "{identity}", credentials_place = "{credentials}";

std::optional<std::string> text_at(const nlohmann::json& options, const char* name) {
    const auto it = options.find(name);
    if (it == options.end()) return std::nullopt;
    return it->get<std::string>();
}

void read_holdings(inline_config& out, const nlohmann::json& options) {
    using texts = std::vector<std::string>;
    out.roles = options.value("roles", texts());
    const auto users = options.value("users", nlohmann::json::object());
    for (const auto& [name, given] : users.items()) {
        if (name.empty()) throw config_error("/options/users", "an identity without a name");
        if (out.identity && *out.identity != name)
            throw config_error("/options/users/" + name,
                               "everybody is '" + *out.identity + "' (options.identity)");
        holding& has = out.users[name];
        has.roles = given.value("roles", texts());
        const auto attributes = given.value("attributes", nlohmann::json::object());
        for (const auto& [key, value] : attributes.items())
            has.attributes.emplace_back(key, value.get<std::string>());
    }
}

}  // namespace

text_format::text_format(std::string_view text) {
    const size_t i = text.find(identity_place), c = text.find(credentials_place);
    has_identity_ = i != text.npos;
    both_ = has_identity_ && c != text.npos;
    if (!has_identity_ && c == text.npos)
        throw std::invalid_argument("'" + std::string(text) +
                                    "' needs {identity} or {credentials}");
    identity_first_ = has_identity_ && (c == text.npos || i < c);
    const auto first = identity_first_ ? identity_place : credentials_place;
    const size_t at = identity_first_ ? i : c;
    before_ = text.substr(0, at);
    auto rest = text.substr(at + first.size());
    if (both_) {
        const auto second = identity_first_ ? credentials_place : identity_place;
        const size_t next = rest.find(second);
        between_ = rest.substr(0, next);
        if (between_.empty())
            throw std::invalid_argument("'" + std::string(text) +
                                        "' needs something between {identity} and {credentials}");
        rest = rest.substr(next + second.size());
    }
    after_ = rest;
    if (after_.find(identity_place) != after_.npos || after_.find(credentials_place) != after_.npos)
        throw std::invalid_argument("'" + std::string(text) + "' has the same place twice");
}

bool text_format::read(std::string_view text, std::string& identity,
                       std::string& credentials) const {
    if (text.size() <= before_.size() + after_.size() || !text.starts_with(before_) ||
        !text.ends_with(after_))
        return false;
    text = text.substr(before_.size(), text.size() - before_.size() - after_.size());
    if (!both_) {
        (has_identity_ ? identity : credentials) = text;
        return true;
    }
    const size_t at = text.find(between_);
    if (at == text.npos) return false;
    const auto first = text.substr(0, at), second = text.substr(at + between_.size());
    identity = identity_first_ ? first : second;
    credentials = identity_first_ ? second : first;
    return !first.empty() && !second.empty();
}

inline_config read_config(const entity_config& c) {
    inline_config out{text_at(c.options, "identity"), text_at(c.options, "credentials"), {}};
    read_holdings(out, c.options);
    const auto format = text_at(c.options, "format");
    if (!format) return out;
    try {
        out.format.emplace(*format);
    } catch (const std::invalid_argument& e) {
        throw config_error("/options/format", e.what());
    }
    return out;
}

void inline_guard::verify(worker, const weft_guard_request& q, guard_answer answer) {
    const auto text = text_of(q.credentials);
    identified who;
    who.identity = who.credentials = text;
    if (config_.format) {
        who.identity.clear();
        who.credentials.clear();
        if (!config_.format->read(text, who.identity, who.credentials))
            return answer.refuse("The credentials have another form.");
    }
    if (config_.identity) who.identity = *config_.identity;
    if (config_.credentials) who.credentials = *config_.credentials;
    // The ABI's texts end at a NUL: what has one in it would be taken for another.
    if (who.identity.find('\0') != who.identity.npos)
        return answer.refuse("A NUL in the identity.");
    who.roles = config_.roles;
    if (const auto it = config_.users.find(who.identity); it != config_.users.end()) {
        who.roles.insert(who.roles.end(), it->second.roles.begin(), it->second.roles.end());
        who.attributes = it->second.attributes;
    }
    answer.accept(who);
}

}  // namespace weft::guard_inline
