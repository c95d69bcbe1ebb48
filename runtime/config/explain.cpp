#include "config/explain.hpp"

#include "config/json_pointer.hpp"
#include "config/suggest.hpp"

#include <algorithm>
#include <cmath>
#include <regex>

namespace weft::config {

namespace {

using nlohmann::json;

constexpr int reference_hops_max = 32;

std::string article(const std::string& type) {
    if (type == "object") return "a mapping";
    if (type == "array") return "a list";
    if (type == "string") return "text";
    if (type == "integer") return "a whole number";
    if (type == "number") return "a number";
    if (type == "boolean") return "true or false";
    return "nothing";
}

bool is_integer(const json& v) {
    return v.is_number_integer() ||
           (v.is_number_float() && std::floor(v.get<double>()) == v.get<double>());
}

bool has_type(const json& v, const std::string& type) {
    if (type == "object") return v.is_object();
    if (type == "array") return v.is_array();
    if (type == "string") return v.is_string();
    if (type == "integer") return is_integer(v);
    if (type == "number") return v.is_number();
    if (type == "boolean") return v.is_boolean();
    return type == "null" && v.is_null();
}

words types_of(const json& schema) {
    const auto it = schema.find("type");
    if (it == schema.end()) return {};
    if (it->is_string()) return {it->get<std::string>()};
    words out;
    for (const auto& t : *it) out.push_back(t.get<std::string>());
    return out;
}

size_t length_of(const std::string& s) {
    return static_cast<size_t>(std::count_if(s.begin(), s.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0u) != 0x80u;
    }));
}

std::string number_text(const json& n) {
    return n.dump();
}

class explainer {
public:
    explainer(const json& root, const schema_words& phrases) : root_(root), phrases_(phrases) {}

    using list = std::vector<finding>;

    list explain(const json& given, const json& value, const std::string& pointer) const {
        const json& schema = resolve(given);
        if (schema.is_boolean())
            return schema.get<bool>() ? list{} : list{{pointer, "is not allowed here", true}};
        if (!schema.is_object()) return {};
        if (auto wrong = type(schema, value, pointer); !wrong.empty()) return wrong;
        list out = constants(schema, value, pointer);
        if (!out.empty()) return out;
        if (value.is_string()) add(out, text(schema, value, pointer));
        if (value.is_number()) add(out, number(schema, value, pointer));
        if (value.is_array()) add(out, array(schema, value, pointer));
        if (value.is_object()) add(out, object(schema, value, pointer));
        add(out, combined(schema, value, pointer));
        return out;
    }

private:
    static void add(list& to, list from) {
        to.insert(to.end(), std::make_move_iterator(from.begin()),
                  std::make_move_iterator(from.end()));
    }

    const json& resolve(const json& given) const {
        const json* schema = &given;
        for (int hops = 0;
             schema->is_object() && schema->contains("$ref") && hops < reference_hops_max; ++hops) {
            const std::string reference = schema->at("$ref");
            if (!reference.starts_with('#')) break;
            schema = &root_.at(json::json_pointer(reference.substr(1)));
        }
        return *schema;
    }

    bool valid(const json& schema, const json& value, const std::string& pointer) const {
        return explain(schema, value, pointer).empty();
    }

    std::string got(const json& value, const std::string& pointer) const {
        return phrases_.shown(pointer, value);
    }

    list type(const json& schema, const json& value, const std::string& pointer) const {
        const words types = types_of(schema);
        if (types.empty() || std::any_of(types.begin(), types.end(),
                                         [&](const auto& t) { return has_type(value, t); }))
            return {};
        return {wrong_type(types, value, pointer)};
    }

    finding wrong_type(words types, const json& value, const std::string& pointer) const {
        std::string expected;
        for (size_t i = 0; i < types.size(); ++i)
            expected += (i == 0 ? "" : i + 1 == types.size() ? " or " : ", ") + article(types[i]);
        std::string out = "expected " + expected + ", got " + got(value, pointer);
        const bool text_wanted = std::find(types.begin(), types.end(), "string") != types.end();
        if (text_wanted && (value.is_number() || value.is_boolean()))
            out += " (put it in quotes to make it text)";
        return {pointer, out, false};
    }

    list constants(const json& schema, const json& value, const std::string& pointer) const {
        json options = json::array();
        if (schema.contains("const")) options.push_back(schema["const"]);
        if (schema.contains("enum")) options = schema["enum"];
        if (options.empty() || std::find(options.begin(), options.end(), value) != options.end())
            return {};
        words names;
        for (const auto& o : options)
            names.push_back(o.is_string() ? o.get<std::string>() : o.dump());
        std::string out = got(value, pointer) + " is not allowed";
        if (value.is_string()) out += did_you_mean(value.get<std::string>(), names);
        return {{pointer, out + allowed(names), false}};
    }

    list text(const json& schema, const json& value, const std::string& pointer) const {
        list out;
        const std::string s = value;
        if (schema.contains("minLength") && length_of(s) < schema["minLength"].get<size_t>()) {
            out.push_back(
                {pointer,
                 s.empty() ? "may not be empty"
                           : "needs at least " + number_text(schema["minLength"]) + " characters",
                 false});
        } else if (schema.contains("maxLength") &&
                   length_of(s) > schema["maxLength"].get<size_t>()) {
            out.push_back({pointer,
                           "may have at most " + number_text(schema["maxLength"]) + " characters",
                           false});
        } else if (schema.contains("pattern") &&
                   !std::regex_search(s, std::regex(schema["pattern"].get<std::string>()))) {
            out.push_back({pointer,
                           got(value, pointer) + " does not have the form " +
                               schema["pattern"].get<std::string>(),
                           false});
        }
        return out;
    }

    list number(const json& schema, const json& value, const std::string& pointer) const {
        const auto outside = [&](const char* keyword, auto&& broken, const char* phrase) -> list {
            const auto it = schema.find(keyword);
            if (it == schema.end() || !it->is_number() ||
                !broken(value.get<double>(), it->template get<double>()))
                return {};
            return {{pointer,
                     got(value, pointer) + " is not allowed (" +
                         range(schema, std::string(phrase) + " " + number_text(*it)) + ")",
                     false}};
        };
        list out = outside(
            "minimum", [](double v, double b) { return v < b; }, "at least");
        if (out.empty())
            out = outside(
                "maximum", [](double v, double b) { return v > b; }, "at most");
        if (out.empty())
            out = outside(
                "exclusiveMinimum", [](double v, double b) { return v <= b; }, "more than");
        if (out.empty())
            out = outside(
                "exclusiveMaximum", [](double v, double b) { return v >= b; }, "less than");
        if (out.empty())
            out = outside(
                "multipleOf", [](double v, double b) { return std::fmod(v, b) != 0; },
                "a multiple of");
        return out;
    }

    static std::string range(const json& schema, std::string fallback) {
        if (!schema.contains("minimum") || !schema.contains("maximum")) return fallback;
        return "allowed: " + number_text(schema["minimum"]) + " to " +
               number_text(schema["maximum"]);
    }

    list array(const json& schema, const json& value, const std::string& pointer) const {
        list out;
        if (schema.contains("minItems") && value.size() < schema["minItems"].get<size_t>()) {
            out.push_back({pointer,
                           value.empty()
                               ? "may not be empty"
                               : "needs at least " + number_text(schema["minItems"]) + " items",
                           false});
        }
        if (schema.contains("maxItems") && value.size() > schema["maxItems"].get<size_t>()) {
            out.push_back({pointer,
                           "may have at most " + number_text(schema["maxItems"]) +
                               (schema["maxItems"] == 1 ? " item" : " items"),
                           false});
        }
        if (schema.value("uniqueItems", false)) add(out, repeated(value, pointer));
        const auto items = schema.find("items");
        if (items == schema.end()) return out;
        for (size_t i = 0; i < value.size(); ++i) {
            const bool tuple = items->is_array();
            if (tuple && i >= items->size()) break;
            add(out,
                explain(tuple ? (*items)[i] : *items, value[i], pointer + "/" + std::to_string(i)));
        }
        return out;
    }

    list repeated(const json& value, const std::string& pointer) const {
        std::map<std::string, size_t> seen;
        for (size_t i = 0; i < value.size(); ++i) {
            if (!seen.emplace(value[i].dump(-1, ' ', false, json::error_handler_t::replace), i)
                     .second) {
                const std::string where = pointer + "/" + std::to_string(i);
                return {{where, got(value[i], where) + " is there twice", false}};
            }
        }
        return {};
    }

    list object(const json& schema, const json& value, const std::string& pointer) const {
        static const json none = json::object();
        const json& properties = schema.contains("properties") ? schema["properties"] : none;
        list out;
        for (const auto& [key, item] : value.items()) {
            const std::string where = pointer + "/" + escaped(key);
            if (schema.contains("propertyNames") && !valid(schema["propertyNames"], key, where)) {
                for (auto& f : explain(schema["propertyNames"], key, where))
                    out.push_back({where, "key: " + f.text, true});
            }
            if (properties.contains(key)) {
                add(out, explain(properties[key], item, where));
            } else if (const json* by_pattern = pattern_property(schema, key)) {
                add(out, explain(*by_pattern, item, where));
            } else if (schema.contains("additionalProperties")) {
                const json& other = schema["additionalProperties"];
                if (other == json(false))
                    out.push_back({where, unknown_key(key, properties), true});
                if (other.is_object()) add(out, explain(other, item, where));
            }
        }
        add(out, required(schema, value, pointer));
        add(out, sizes(schema, value, pointer));
        return out;
    }

    static const json* pattern_property(const json& schema, const std::string& key) {
        const auto patterns = schema.find("patternProperties");
        if (patterns == schema.end()) return nullptr;
        for (const auto& [pattern, sub] : patterns->items()) {
            if (std::regex_search(key, std::regex(pattern))) return &sub;
        }
        return nullptr;
    }

    std::string unknown_key(const std::string& key, const json& properties) const {
        words names;
        for (const auto& [name, sub] : properties.items()) {
            if (sub != json(false)) names.push_back(name);
        }
        if (phrases_.known_elsewhere(key))
            return in_quotes(key) + " is known to Zilla but not supported here; it is not a typo" +
                   allowed(names);
        return "unknown key " + in_quotes(key) + did_you_mean(key, names) + allowed(names);
    }

    list required(const json& schema, const json& value, const std::string& pointer) const {
        list out;
        if (!schema.contains("required")) return out;
        for (const auto& name : schema["required"]) {
            if (!value.contains(name.get<std::string>()))
                out.push_back(
                    {pointer, in_quotes(name.get<std::string>()) + " is required", false, true});
        }
        return out;
    }

    static list sizes(const json& schema, const json& value, const std::string& pointer) {
        list out;
        if (schema.contains("minProperties") &&
            value.size() < schema["minProperties"].get<size_t>()) {
            out.push_back({pointer,
                           value.empty() ? "may not be empty"
                                         : "needs at least " +
                                               number_text(schema["minProperties"]) + " entries",
                           false});
        }
        if (schema.contains("maxProperties") &&
            value.size() > schema["maxProperties"].get<size_t>()) {
            out.push_back({pointer,
                           "may have at most " + number_text(schema["maxProperties"]) +
                               (schema["maxProperties"] == 1 ? " entry" : " entries"),
                           false});
        }
        return out;
    }

    list combined(const json& schema, const json& value, const std::string& pointer) const {
        list out;
        if (schema.contains("allOf")) {
            for (const auto& s : schema["allOf"]) add(out, explain(s, value, pointer));
        }
        if (schema.contains("anyOf"))
            add(out, alternatives(schema["anyOf"], value, pointer, false));
        if (schema.contains("oneOf")) add(out, alternatives(schema["oneOf"], value, pointer, true));
        if (schema.contains("not") && valid(schema["not"], value, pointer))
            out.push_back({pointer, excluded(schema["not"], value, pointer), false});
        if (schema.contains("if")) {
            const char* branch = valid(schema["if"], value, pointer) ? "then" : "else";
            if (schema.contains(branch)) add(out, explain(schema[branch], value, pointer));
        }
        if (schema.contains("dependencies") && value.is_object())
            add(out, dependencies(schema["dependencies"], value, pointer));
        return out;
    }

    list dependencies(const json& all, const json& value, const std::string& pointer) const {
        list out;
        for (const auto& [key, needs] : all.items()) {
            if (!value.contains(key)) continue;
            if (!needs.is_array()) {
                add(out, explain(needs, value, pointer));
                continue;
            }
            for (const auto& other : needs) {
                if (!value.contains(other.get<std::string>()))
                    out.push_back({pointer,
                                   in_quotes(key) + " needs " +
                                       in_quotes(other.get<std::string>()) + " beside it",
                                   false, true});
            }
        }
        return out;
    }

    // {"required": [...]} and nothing else: how schemas say "one of these keys" and "not both".
    static words required_only(const json& schema) {
        if (!schema.is_object() || !schema.contains("required")) return {};
        for (const auto& [key, sub] : schema.items()) {
            if (key != "required" && key != "description" && key != "title") return {};
        }
        return schema["required"].get<words>();
    }

    std::string excluded(const json& schema, const json& value, const std::string& pointer) const {
        const words keys = required_only(resolve(schema));
        if (keys.size() > 1) return "only one of " + listed(keys) + " may be given";
        if (keys.size() == 1) return in_quotes(keys[0]) + " is not allowed here";
        return got(value, pointer) + " is not allowed here";
    }

    list alternatives(const json& branches, const json& value, const std::string& pointer,
                      bool exactly_one) const {
        std::vector<list> failures;
        size_t valid_count = 0;
        words keys;
        bool keys_only = true;
        for (const auto& b : branches) {
            const words required = required_only(resolve(b));
            keys_only = keys_only && required.size() == 1;
            keys.insert(keys.end(), required.begin(), required.end());
            failures.push_back(explain(b, value, pointer));
            if (failures.back().empty()) ++valid_count;
        }
        if (valid_count == 1 || (valid_count > 1 && !exactly_one)) return {};
        if (keys_only)
            return {{pointer,
                     std::string(exactly_one ? "exactly" : "at least") + " one of " + listed(keys) +
                         " is required",
                     false, valid_count == 0}};
        if (valid_count > 1)
            return {
                {pointer, got(value, pointer) + " fits more than one of the alternatives", false}};
        return best(branches, std::move(failures), value, pointer);
    }

    // The branch that was probably meant: one whose type fits, with the fewest and deepest
    // problems.
    list best(const json& branches, std::vector<list> failures, const json& value,
              const std::string& pointer) const {
        words types;
        const list* chosen = nullptr;
        for (size_t i = 0; i < failures.size(); ++i) {
            const json& branch = resolve(branches[i]);
            const words own = branch.is_object() ? types_of(branch) : words{};
            if (!own.empty() && std::none_of(own.begin(), own.end(),
                                             [&](const auto& t) { return has_type(value, t); })) {
                types.insert(types.end(), own.begin(), own.end());
                continue;
            }
            if (!chosen || score(failures[i], pointer) < score(*chosen, pointer))
                chosen = &failures[i];
        }
        if (chosen) return *chosen;
        std::sort(types.begin(), types.end());
        types.erase(std::unique(types.begin(), types.end()), types.end());
        return {wrong_type(types, value, pointer)};
    }

    static size_t score(const list& failures, const std::string& pointer) {
        const bool here = std::any_of(failures.begin(), failures.end(), [&](const finding& f) {
            return f.pointer == pointer || f.at_key;
        });
        return failures.size() * 2 + (here ? 1 : 0);
    }

    const json& root_;
    const schema_words& phrases_;
};

}  // namespace

std::vector<finding> explain(const json& root, const json& schema, const json& value,
                             const schema_words& phrases) {
    try {
        return explainer(root, phrases).explain(schema, value, "");
    } catch (const json::exception& e) {
        throw schema_error(e.what());
    } catch (const std::regex_error& e) {
        throw schema_error(std::string("a pattern in it: ") + e.what());
    }
}

}  // namespace weft::config
