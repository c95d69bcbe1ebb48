#include "config/scalar.hpp"

#include <charconv>
#include <string_view>
#include <system_error>

namespace weft::config {

namespace {

using nlohmann::json;

bool digits(std::string_view s, std::string_view allowed = "0123456789") {
    return !s.empty() && s.find_first_not_of(allowed) == std::string_view::npos;
}

template <class Integer>
bool whole(std::string_view s, int base, json& out) {
    Integer value{};
    const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), value, base);
    if (error != std::errc() || end != s.data() + s.size()) return false;
    out = value;
    return true;
}

// [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?
bool is_number(std::string_view s) {
    if (!s.empty() && (s[0] == '-' || s[0] == '+')) s.remove_prefix(1);
    if (const auto e = s.find_first_of("eE"); e != std::string_view::npos) {
        std::string_view exponent = s.substr(e + 1);
        if (!exponent.empty() && (exponent[0] == '-' || exponent[0] == '+'))
            exponent.remove_prefix(1);
        if (!digits(exponent)) return false;
        s = s.substr(0, e);
    }
    const auto dot = s.find('.');
    if (dot == std::string_view::npos) return digits(s);
    const auto before = s.substr(0, dot), after = s.substr(dot + 1);
    if (before.empty()) return digits(after);
    return digits(before) && (after.empty() || digits(after));
}

json number(std::string_view s) {
    json out;
    if (s.starts_with("0o") && digits(s.substr(2), "01234567") &&
        whole<uint64_t>(s.substr(2), 8, out))
        return out;
    if (s.starts_with("0x") && whole<uint64_t>(s.substr(2), 16, out)) return out;
    if (!is_number(s)) return nullptr;
    if (s[0] == '+') s.remove_prefix(1);
    if (whole<int64_t>(s, 10, out) || whole<uint64_t>(s, 10, out)) return out;
    double value = 0;
    const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), value);
    if (error != std::errc() || end != s.data() + s.size()) return nullptr;
    return value;
}

json plain(const std::string& s) {
    if (s.empty() || s == "~" || s == "null" || s == "Null" || s == "NULL") return nullptr;
    if (s == "true" || s == "True" || s == "TRUE") return true;
    if (s == "false" || s == "False" || s == "FALSE") return false;
    json n = number(s);
    return n.is_null() ? json(s) : n;
}

}  // namespace

json scalar_to_json(const node& n) {
    if (n.kind == node_kind::null) return nullptr;
    if (n.plain) return plain(n.text);
    if (n.tag == "tag:yaml.org,2002:int" || n.tag == "tag:yaml.org,2002:float" ||
        n.tag == "tag:yaml.org,2002:bool" || n.tag == "tag:yaml.org,2002:null")
        return plain(n.text);
    return n.text;
}

json to_json(const node& n) {
    switch (n.kind) {
        case node_kind::null:
        case node_kind::scalar:
            return scalar_to_json(n);
        case node_kind::sequence: {
            json out = json::array();
            for (const node* item : n.items) out.push_back(to_json(*item));
            return out;
        }
        case node_kind::mapping: {
            json out = json::object();
            for (const auto& m : n.members) {
                if (m.key->kind == node_kind::scalar) out.emplace(m.key->text, to_json(*m.value));
            }
            return out;
        }
    }
    return nullptr;
}

}  // namespace weft::config
