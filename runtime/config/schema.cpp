#include "config/schema.hpp"

#include "config/explain.hpp"

#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

namespace weft::config {

namespace {

using nlohmann::json;
using adapter = valijson::adapters::NlohmannJsonAdapter;

// What valijson says, for a keyword that explain() has no words for: the deepest result is the
// cause.
std::vector<finding> raw_findings(valijson::ValidationResults& results) {
    valijson::ValidationResults::Error error;
    if (!results.popError(error)) return {{"", "is not valid", false}};
    std::string pointer;
    for (const auto& step : error.context) {
        if (step == "<root>") continue;
        // Steps look like [name] or [3].
        const bool bracketed = step.size() >= 2 && step.front() == '[' && step.back() == ']';
        pointer += "/" + (bracketed ? step.substr(1, step.size() - 2) : step);
    }
    return {{pointer, error.description, false}};
}

std::optional<json> part(const json& kind, const char* name) {
    const auto it = kind.find(name);
    if (it == kind.end() || it->is_null()) return std::nullopt;
    if (!it->is_object() && !it->is_boolean())
        throw schema_error(std::string("'") + name + "' is not a JSON Schema");
    return *it;
}

kind_schema::exit_rule exit_of(const json& kind) {
    const auto it = kind.find("exit");
    if (it == kind.end() || *it == "optional") return kind_schema::exit_rule::optional;
    if (*it == "required") return kind_schema::exit_rule::required;
    if (*it == "forbidden") return kind_schema::exit_rule::forbidden;
    throw schema_error("'exit' is none of required, optional, forbidden");
}

}  // namespace

std::vector<finding> check(const json& schema, const json& definitions, const json& value,
                           const schema_words& phrases) {
    json root = schema;
    if (root.is_object() && definitions.is_object() && !definitions.empty())
        root["$defs"] = definitions;
    valijson::ValidationResults results;
    try {
        valijson::Schema compiled;
        valijson::SchemaParser parser;
        parser.populateSchema(adapter(root), compiled);
        valijson::Validator validator;
        if (validator.validate(compiled, adapter(value), &results)) return {};
    } catch (const std::exception& e) {
        throw schema_error(e.what());
    }
    auto found = explain(root, root, value, phrases);
    return found.empty() ? raw_findings(results) : found;
}

binding_schema::binding_schema(const std::string& text) {
    try {
        const json all = json::parse(text);
        if (const auto it = all.find("$defs"); it != all.end()) definitions_ = *it;
        for (const auto& [name, kind] : all.at("kinds").items()) {
            kind_schema k{part(kind, "options"), part(kind, "when"), part(kind, "with"),
                          exit_of(kind), kind.value("vault", false)};
            kinds_.emplace_back(name, std::move(k));
        }
    } catch (const json::exception& e) {
        throw schema_error(e.what());
    }
}

const kind_schema* binding_schema::kind(const std::string& name) const {
    for (const auto& [n, k] : kinds_) {
        if (n == name) return &k;
    }
    return nullptr;
}

}  // namespace weft::config
