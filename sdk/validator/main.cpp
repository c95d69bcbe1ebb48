// weft-validate: loads a plugin file and drives it through the contract of <weft/abi.h>, every rule
// in a process of its own.
#include "child.hpp"
#include "rule.hpp"
#include "schema.hpp"

#include <fmt/format.h>

#include <dlfcn.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <sstream>
#include <string>

namespace weft::validator {
namespace {

using nlohmann::json;

constexpr const char* usage =
    "Usage: weft-validate FILE.so [--rule NAME]... [--seed N] [--config FILE.json]\n"
    "                     [--data FILE] [--timeout SECONDS]\n"
    "       weft-validate --list\n"
    "\n"
    "  --rule NAME     only this rule; may be repeated\n"
    "  --seed N        repeats a run: what is random comes from it\n"
    "  --config FILE   configurations to use instead of generated ones: an object or a list of\n"
    "                  {\"kind\": ..., \"options\": ..., \"routes\": ...}, one per kind\n"
    "  --data FILE     what streams to the plugin carry, instead of random bytes\n"
    "  --timeout N     how long one rule may take, in seconds (30)\n"
    "\n"
    "Prints PASS, FAIL or SKIP per rule. Exit code: 0 nothing failed, 1 something did, 2 wrong "
    "use.\n";

class wrong_use : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

struct command {
    options o;
    std::vector<std::string> rules;
    bool list = false, help = false;
};

std::string content(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    if (!in) throw wrong_use(file + ": cannot be read");
    return {std::istreambuf_iterator<char>(in), {}};
}

template <class T>
T number(const std::string& name, const std::string& text) {
    T n{};
    const auto* end = text.data() + text.size();
    if (const auto r = std::from_chars(text.data(), end, n); r.ec != std::errc() || r.ptr != end)
        throw wrong_use(name + ": '" + text + "' is not a number");
    return n;
}

command parse(const std::vector<std::string>& args) {
    command c;
    c.o.seed = std::random_device()();
    for (size_t i = 0; i < args.size(); ++i) {
        const auto& a = args[i];
        const auto value = [&] {
            if (i + 1 == args.size()) throw wrong_use(a + " needs a value");
            return args[++i];
        };
        if (a == "--rule") {
            c.rules.push_back(value());
        } else if (a == "--seed") {
            c.o.seed = number<uint64_t>(a, value());
        } else if (a == "--timeout") {
            c.o.timeout_s = number<unsigned>(a, value());
        } else if (a == "--config") {
            c.o.configs = json::parse(content(value()), nullptr, false);
            if (c.o.configs.is_object()) c.o.configs = json::array({c.o.configs});
            if (!c.o.configs.is_array()) throw wrong_use("--config: neither an object nor a list");
        } else if (a == "--data") {
            c.o.data = content(value());
            c.o.data_given = true;
        } else if (a == "--list") {
            c.list = true;
        } else if (a == "--help" || a == "-h") {
            c.help = true;
        } else if (a.starts_with("-") || !c.o.file.empty()) {
            throw wrong_use("what is '" + a + "'?");
        } else {
            c.o.file = a;
        }
    }
    if (c.o.file.empty() && !c.list && !c.help) throw wrong_use("no file is given");
    if (!c.o.file.empty()) {
        if (!std::filesystem::exists(c.o.file))
            throw wrong_use(c.o.file + ": there is no such file");
        c.o.file = std::filesystem::canonical(c.o.file).string();  // dlopen needs a slash
    }
    return c;
}

json names(const char* const* list) {
    auto out = json::array();
    for (; list && *list; ++list) out.push_back(*list);
    return out;
}

// Runs in a child: what there is in the file, with a configuration for each.
json look(const std::string& file) {
    void* library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) throw failure(::dlerror());
    const auto entry = reinterpret_cast<weft_plugin_fn>(::dlsym(library, WEFT_PLUGIN_ENTRY));
    const weft_plugin* t = entry ? entry() : nullptr;
    if (!t) throw failure("not a Weft plugin: no table from " WEFT_PLUGIN_ENTRY);
    if (t->abi_major != WEFT_ABI_MAJOR)
        throw failure("another ABI: " + std::to_string(t->abi_major));
    auto out = json::array();
    for (const auto* const* b = t->bindings; b && *b; ++b) {
        const json schema = json::parse((*b)->options_schema, nullptr, false);
        if (!schema.is_object() || !schema.contains("kinds")) continue;  // rule `schema` says so
        for (const auto& [kind, k] : schema["kinds"].items()) {
            json one{{"type", (*b)->type},
                     {"kind", kind},
                     {"accepts", names((*b)->accepts)},
                     {"emits", names((*b)->emits)}};
            try {
                one["config"] = minimal_config(**b, kind);
            } catch (const std::exception& e) {
                one["no_config"] = std::string(
                                       "no configuration could be made from the schema "
                                       "(give one with --config): ") +
                                   e.what();
            }
            out.push_back(std::move(one));
        }
    }
    if (const auto* x =
            t->get ? static_cast<const weft_exporter_vt*>(t->get(nullptr, WEFT_EXPORTER)) : nullptr)
        out.push_back({{"type", x->type},
                       {"exporter", true},
                       {"config",
                        {{"namespace", "test"},
                         {"name", x->type},
                         {"type", x->type},
                         {"options", json::object()}}}});
    return out;
}

std::vector<target> targets_of(const json& found, const options& o) {
    std::vector<target> out;
    for (const auto& f : found) {
        target t;
        t.type = f.at("type");
        t.kind = f.value("kind", "");
        t.exporter = f.value("exporter", false);
        t.config = f.value("config", json());
        t.no_config = f.value("no_config", "");
        t.accepts = f.value("accepts", std::vector<std::string>());
        t.emits = f.value("emits", std::vector<std::string>());
        if (o.configs.is_array())
            for (const auto& c : o.configs)
                if (c.value("type", t.type) == t.type && c.value("kind", t.kind) == t.kind) {
                    t.config = c;
                    t.no_config.clear();
                }
        out.push_back(std::move(t));
    }
    return out;
}

class printer {
public:
    void line(const outcome& o, const std::string& rule, const std::string& on) {
        static constexpr const char* words[] = {"PASS", "FAIL", "SKIP"};
        ++counts_[static_cast<size_t>(o.what)];
        std::string text = o.text;
        for (size_t at = 0; (at = text.find('\n', at)) != std::string::npos;)
            text.replace(at, 1, ";");
        fmt::print("{} {:<20} {}{}{}\n", words[static_cast<size_t>(o.what)], rule, on,
                   text.empty() || on.empty() ? "" : ": ", text);
        std::fflush(stdout);
    }
    int end() const {
        fmt::print("{} passed, {} failed, {} skipped\n", counts_[0], counts_[1], counts_[2]);
        return counts_[1] == 0 ? 0 : 1;
    }

private:
    size_t counts_[3] = {0, 0, 0};
};

// Nothing is wrong but that a call took its time.
bool only_slow(const outcome& o) {
    if (o.what != verdict::fail) return false;
    std::istringstream lines(o.text);
    std::string line;
    std::getline(lines, line);  // that there is something
    bool any = false;
    while (std::getline(lines, line)) {
        if (!line.ends_with("[worker.blocked]")) return false;
        any = true;
    }
    return any;
}

// A machine that is short of memory or disk can make a call slow; a plugin that blocks does so each
// time.
outcome try_rule(const rule& r, const options& o, const target& t) {
    const auto once = [&] {
        return in_child(o.timeout_s, [&]() -> json {
            probe p(o, t, r.name);
            r.run(p);
            return {};
        });
    };
    auto out = once();
    if (only_slow(out)) out = once();
    return out;
}

int validate(const command& c) {
    const auto rules = all_rules();
    for (const auto& name : c.rules)
        if (std::none_of(rules.begin(), rules.end(), [&](const rule& r) { return r.name == name; }))
            throw wrong_use("there is no rule '" + name + "'; see --list");
    const auto wanted = [&](const rule& r) {
        return c.rules.empty() ||
               std::find(c.rules.begin(), c.rules.end(), r.name) != c.rules.end();
    };

    fmt::print("weft-validate {} (ABI {}.{}, seed {})\n", c.o.file, WEFT_ABI_MAJOR, WEFT_ABI_MINOR,
               c.o.seed);
    std::fflush(stdout);
    printer out;
    for (const auto& r : rules)
        if (r.on == scope::file && wanted(r)) out.line(try_rule(r, c.o, {}), r.name, "");
    const auto found = in_child(c.o.timeout_s, [&] { return look(c.o.file); });
    if (found.what != verdict::pass) {
        out.line({verdict::fail, found.text, {}}, "loads", "");
        return out.end();
    }
    for (const auto& t : targets_of(found.value, c.o))
        for (const auto& r : rules)
            if (r.on == (t.exporter ? scope::exporter : scope::binding) && wanted(r))
                out.line(try_rule(r, c.o, t), r.name, t.label());
    return out.end();
}

int run(const std::vector<std::string>& args) {
    try {
        const auto c = parse(args);
        if (c.help) {
            fmt::print("{}", usage);
            return 0;
        }
        if (c.list) {
            for (const auto& r : all_rules()) fmt::print("{:<20} {}\n", r.name, r.text);
            return 0;
        }
        return validate(c);
    } catch (const wrong_use& e) {
        fmt::print(stderr, "weft-validate: {}\n\n{}", e.what(), usage);
        return 2;
    } catch (const std::exception& e) {
        fmt::print(stderr, "weft-validate: {}\n", e.what());
        return 2;
    }
}

}  // namespace
}  // namespace weft::validator

int main(int argc, char** argv) {
    return weft::validator::run({argv + 1, argv + argc});
}
