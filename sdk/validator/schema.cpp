#include "schema.hpp"

#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include <algorithm>
#include <regex>
#include <set>
#include <stdexcept>

namespace weft::validator {
namespace {

using nlohmann::json;
using adapter = valijson::adapters::NlohmannJsonAdapter;

constexpr int depth_max = 32;

const std::pair<uint32_t, const char*> kinds[] = {{WEFT_SERVER, "server"},
                                                  {WEFT_CLIENT, "client"},
                                                  {WEFT_PROXY, "proxy"},
                                                  {WEFT_CACHE_SERVER, "cache_server"},
                                                  {WEFT_CACHE_CLIENT, "cache_client"},
                                                  {WEFT_REMOTE_SERVER, "remote_server"},
                                                  {WEFT_REMOTE_CLIENT, "remote_client"}};

json with_definitions(const json& schema, const json& definitions) {
    json root = schema;
    if (root.is_object() && definitions.is_object() && !definitions.empty())
        root["$defs"] = definitions;
    return root;
}

void compile(const json& root, valijson::Schema& out) {
    valijson::SchemaParser parser;
    parser.populateSchema(adapter(root), out);
}

std::string kind_problem(const std::string& name, const json& kind, const json& definitions) {
    static const std::set<std::string> parts{"options", "when", "with", "exit", "vault"};
    if (!kind.is_object()) return "kind '" + name + "' is not an object";
    for (const auto& [key, value] : kind.items())
        if (!parts.contains(key)) return "kind '" + name + "' has an unknown part '" + key + "'";
    if (kind.contains("exit") && kind["exit"] != "required" && kind["exit"] != "optional" &&
        kind["exit"] != "forbidden")
        return "exit of kind '" + name + "' is none of required, optional, forbidden";
    if (kind.contains("vault") && !kind["vault"].is_boolean())
        return "vault of kind '" + name + "' is neither true nor false";
    for (const char* part : {"options", "when", "with"}) {
        if (!kind.contains(part)) continue;
        if (!kind[part].is_object() && !kind[part].is_boolean())
            return std::string(part) + " of kind '" + name + "' is no JSON Schema";
        try {
            const json root = with_definitions(kind[part], definitions);
            valijson::Schema compiled;
            compile(root, compiled);
        } catch (const std::exception& e) {
            return std::string(part) + " of kind '" + name + "' is no JSON Schema: " + e.what();
        }
    }
    return {};
}

// Builds the smallest value of a schema.
class maker {
public:
    explicit maker(const json& definitions) : definitions_(definitions) {}

    json make(const json& s, const std::string& name, int depth = 0) const {
        if (depth > depth_max) throw std::runtime_error("the schema refers to itself");
        if (!s.is_object()) return json::object();
        if (const auto it = s.find("examples"); it != s.end() && it->is_array() && !it->empty())
            return it->front();
        for (const char* key : {"default", "const"})
            if (s.contains(key)) return s[key];
        if (const auto it = s.find("enum"); it != s.end() && !it->empty()) return it->front();
        if (const auto it = s.find("$ref"); it != s.end())
            return make(resolve(it->get<std::string>()), name, depth + 1);
        for (const char* key : {"oneOf", "anyOf"})
            if (const auto it = s.find(key); it != s.end() && !it->empty())
                return make(it->front(), name, depth + 1);
        return of_type(type_of(s), s, name, depth);
    }

private:
    const json& resolve(const std::string& ref) const {
        static const std::string prefix = "#/$defs/";
        if (!ref.starts_with(prefix) || !definitions_.contains(ref.substr(prefix.size())))
            throw std::runtime_error("the schema refers to '" + ref + "', which is not there");
        return definitions_.at(ref.substr(prefix.size()));
    }
    static std::string type_of(const json& s) {
        if (const auto it = s.find("type"); it != s.end())
            return it->is_array() ? it->front().get<std::string>() : it->get<std::string>();
        return s.contains("items") ? "array" : s.contains("pattern") ? "string" : "object";
    }
    json of_type(const std::string& type, const json& s, const std::string& name, int depth) const {
        if (type == "string") return text(s, name);
        if (type == "boolean") return false;
        if (type == "null") return nullptr;
        if (type == "integer" || type == "number") {
            const auto least = s.value("minimum", int64_t{0});
            return s.contains("exclusiveMinimum") ? s["exclusiveMinimum"].get<int64_t>() + 1
                                                  : least;
        }
        if (type == "array") {
            json out = json::array();
            for (size_t i = 0; i < s.value("minItems", size_t{0}); ++i)
                out.push_back(make(s.value("items", json::object()), name, depth + 1));
            return out;
        }
        json out = json::object();
        const json properties = s.value("properties", json::object());
        for (const auto& key : s.value("required", json::array())) {
            const auto k = key.get<std::string>();
            out[k] = make(properties.value(k, json::object()), k, depth + 1);
        }
        for (const auto& [k, p] : properties.items()) {
            if (out.size() >= s.value("minProperties", size_t{0})) break;
            if (!out.contains(k)) out[k] = make(p, k, depth + 1);
        }
        if (out.size() < s.value("minProperties", size_t{0}))
            out["x"] = make(s.value("additionalProperties", json::object()), "x", depth + 1);
        return out;
    }
    // A name is a good value for itself; patterns get what usually fits.
    static json text(const json& s, const std::string& name) {
        std::vector<std::string> candidates{name, "x", "1",   "127.0.0.1",        "127.0.0.1:1",
                                            "/",  "#", "a/b", "http://127.0.0.1/"};
        if (name == "host") candidates.insert(candidates.begin(), "127.0.0.1");
        const auto shortest = s.value("minLength", size_t{0});
        for (auto& c : candidates) {
            if (c.size() < shortest) c.resize(shortest, 'x');
            if (c.size() > s.value("maxLength", SIZE_MAX)) continue;
            if (!s.contains("pattern") ||
                std::regex_search(c, std::regex(s["pattern"].get<std::string>())))
                return c;
        }
        throw std::runtime_error("no value found for the pattern " + s["pattern"].dump());
    }

    const json& definitions_;
};

}  // namespace

std::string schema_problem(const weft_binding_vt& b) {
    const json all = json::parse(b.options_schema, nullptr, false);
    if (all.is_discarded()) return "options_schema is not JSON";
    if (!all.is_object() || !all.contains("kinds") || !all["kinds"].is_object())
        return "options_schema has no object 'kinds'";
    for (const auto& [key, value] : all.items())
        if (key != "kinds" && key != "$defs")
            return "options_schema has an unknown part '" + key + "'";
    const json definitions = all.value("$defs", json::object());
    if (!definitions.is_object()) return "$defs is not an object";

    uint32_t named = 0;
    for (const auto& [name, kind] : all["kinds"].items()) {
        const auto* known =
            std::find_if(std::begin(kinds), std::end(kinds),
                         [&name = name](const auto& k) { return name == k.second; });
        if (known == std::end(kinds)) return "there is no kind '" + name + "'";
        named |= known->first;
        if (auto problem = kind_problem(name, kind, definitions); !problem.empty()) return problem;
    }
    for (const auto& [bit, name] : kinds)
        if ((b.kinds & bit) != (named & bit))
            return std::string("kind '") + name + "' is in " +
                   (named & bit ? "options_schema but not in `kinds`"
                                : "`kinds` but not in options_schema");
    return {};
}

std::string mismatch(const json& schema, const json& definitions, const json& value) {
    const json root = with_definitions(schema, definitions);
    valijson::Schema compiled;
    compile(root, compiled);
    valijson::ValidationResults results;
    valijson::Validator validator;
    if (validator.validate(compiled, adapter(value), &results)) return {};
    std::string text = "it does not satisfy its schema";
    valijson::ValidationResults::Error error;
    while (results.popError(error)) {  // the last one is the deepest
        text.clear();
        for (const auto& part : error.context) text += part;
        text += ": " + error.description;
    }
    return text;
}

json minimal_config(const weft_binding_vt& b, const std::string& kind) {
    const json all = json::parse(b.options_schema);
    const json definitions = all.value("$defs", json::object());
    const json& k = all.at("kinds").at(kind);
    json config{{"type", b.type}, {"kind", kind}};
    if (k.contains("options")) {
        config["options"] = maker(definitions).make(k["options"], b.type);
        if (const auto why = mismatch(k["options"], definitions, config["options"]); !why.empty())
            throw std::runtime_error("of " + config["options"].dump() + ": " + why);
    }
    return config;
}

}  // namespace weft::validator
