#include "config/report.hpp"

#include "config/scalar.hpp"

#include <algorithm>

namespace weft::config {

void report::error(const node& at, const std::string& path, std::string text) {
    if (!at.unknown) errors.push_back({where(at), path, std::move(text)});
}

void report::warn(const node& at, const std::string& path, std::string text) {
    if (!at.unknown) warnings.push_back({where(at), path, std::move(text)});
}

section::section(report& to, const node& self, std::string path)
    : to_(to), self_(self), path_(std::move(path)) {
    if (!self.is_mapping()) to.error(self, path_, "expected a mapping (key: value)");
}

std::string section::path(std::string_view key) const {
    return joined(path_, key);
}

const member* section::take(std::string_view key) {
    taken_.emplace_back(key);
    return self_.find_member(key);
}

std::optional<std::string> section::take_text(std::string_view key) {
    const member* m = take(key);
    if (!m || m->value->unknown) return std::nullopt;
    if (m->value->kind == node_kind::scalar) {
        const auto value = scalar_to_json(*m->value);
        if (value.is_string()) return value.get<std::string>();
    }
    to_.error(place_of(*m), path(key), "expected text");
    return std::nullopt;
}

void section::refuse(std::string_view key, std::string text) {
    refused_.emplace_back(key);
    if (const member* m = self_.find_member(key)) to_.error(*m->key, path(key), std::move(text));
}

void section::refuse_rest() {
    const auto has = [](const words& in, const std::string& key) {
        return std::find(in.begin(), in.end(), key) != in.end();
    };
    for (const auto& m : self_.members) {
        const std::string& key = m.key->text;
        if (m.key->kind != node_kind::scalar || m.key->unknown || has(taken_, key) ||
            has(refused_, key))
            continue;
        to_.error(*m.key, path(key),
                  "unknown key " + in_quotes(key) + did_you_mean(key, taken_) + allowed(taken_));
    }
}

const node& place_of(const member& m) {
    const bool one_word = m.value->kind == node_kind::scalar || m.value->kind == node_kind::null;
    return one_word ? *m.value : *m.key;
}

bool depends_on_unknown(const node& n) {
    if (n.unknown) return true;
    return std::any_of(n.items.begin(), n.items.end(),
                       [](const node* i) { return depends_on_unknown(*i); }) ||
           std::any_of(n.members.begin(), n.members.end(), [](const member& m) {
               return depends_on_unknown(*m.key) || depends_on_unknown(*m.value);
           });
}

std::string expression_in(const node& n) {
    if (!n.expression.empty()) return n.expression;
    for (const node* item : n.items) {
        if (auto e = expression_in(*item); !e.empty()) return e;
    }
    for (const auto& m : n.members) {
        if (auto e = expression_in(*m.key); !e.empty()) return e;
        if (auto e = expression_in(*m.value); !e.empty()) return e;
    }
    return "";
}

std::string joined(const std::string& path, std::string_view key) {
    std::string out = path;
    if (!out.empty()) out += '.';
    return out.append(key);
}

bool is_name(std::string_view text) {
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    if (text.empty() || !letter(text[0])) return false;
    return std::all_of(text.begin(), text.end(), [&](char c) {
        return letter(c) || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    });
}

bool is_reference(std::string_view text) {
    const auto colon = text.find(':');
    if (colon == std::string_view::npos) return is_name(text);
    return is_name(text.substr(0, colon)) && is_name(text.substr(colon + 1));
}

}  // namespace weft::config
