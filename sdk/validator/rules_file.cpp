// Rules of the file itself: symbols, tables, schema, and what it makes of other hosts.
#include "elf.hpp"
#include "rule.hpp"
#include "schema.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <set>

namespace weft::validator {
namespace {

size_t threads() {
    const auto tasks = std::filesystem::directory_iterator("/proc/self/task");
    return static_cast<size_t>(std::distance(begin(tasks), end(tasks)));
}

// The table of a file that this process loads and does not unload.
const weft_plugin* table_of(const std::string& file) {
    void* library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) throw failure(::dlerror());
    const auto entry = reinterpret_cast<weft_plugin_fn>(::dlsym(library, WEFT_PLUGIN_ENTRY));
    if (!entry) throw failure("there is no symbol " WEFT_PLUGIN_ENTRY);
    const weft_plugin* t = entry();
    if (!t) throw failure(WEFT_PLUGIN_ENTRY " returned NULL");
    if (entry() != t) throw failure(WEFT_PLUGIN_ENTRY " returned another table the second time");
    return t;
}

void one_symbol(probe& p) {
    std::string others;
    bool found = false;
    for (const auto& s : exported_symbols(p.file())) {
        if (s.name == WEFT_PLUGIN_ENTRY)
            found = true;
        else
            others += (others.empty() ? "" : ", ") + s.name;
        constexpr size_t shown_max = 200;
        if (others.size() > shown_max) break;
    }
    if (!found) throw failure("there is no symbol " WEFT_PLUGIN_ENTRY);
    if (!others.empty()) throw failure("other symbols are exported: " + others);
}

void no_unique_symbol(probe& p) {
    for (const auto& s : exported_symbols(p.file()))
        if (s.unique)
            throw failure(s.name +
                          " is a GNU unique symbol, which keeps the file mapped for ever: "
                          "build with -fno-gnu-unique and the SDK's version script");
}

void abi_version(probe& p) {
    const auto* t = table_of(p.file());
    if (t->abi_major != WEFT_ABI_MAJOR)
        throw failure("the plugin speaks ABI " + std::to_string(t->abi_major) + "." +
                      std::to_string(t->abi_minor) + ", this validator " +
                      std::to_string(WEFT_ABI_MAJOR) + "." + std::to_string(WEFT_ABI_MINOR));
    if (t->abi_minor > WEFT_ABI_MINOR)
        throw failure("the plugin needs a host of ABI minor " + std::to_string(t->abi_minor) +
                      ", newer than this validator's " + std::to_string(WEFT_ABI_MINOR));
}

void check_binding(const weft_binding_vt& b) {
    if (!b.type || !*b.type) throw failure("a binding has no type");
    const std::string type = b.type;
    if (b.size < sizeof(weft_binding_vt)) throw failure(type + ": the table is too small");
    if (b.kinds == 0) throw failure(type + ": `kinds` is empty");
    if (!b.options_schema) throw failure(type + ": there is no options_schema");
    if (!b.create || !b.destroy || !b.attach || !b.accept || !b.drain || !b.detach)
        throw failure(type + ": a function is missing");
}

void check_exporter(const weft_exporter_vt& x) {
    if (x.size < sizeof(weft_exporter_vt)) throw failure("the exporter's table is too small");
    if (!x.type || !*x.type) throw failure("the exporter has no type");
    if (!x.create || !x.on_event || !x.destroy) throw failure("an exporter function is missing");
}

void tables(probe& p) {
    const size_t before = threads();
    const auto* t = table_of(p.file());
    if (threads() != before) throw failure("loading it started a thread");
    if (t->size < sizeof(weft_plugin)) throw failure("the plugin table is too small");
    if (!t->name || !*t->name || !t->version || !*t->version)
        throw failure("name or version is missing");
    if (!t->init) throw failure("there is no init");
    std::set<std::string> types;
    for (const auto* const* b = t->bindings; b && *b; ++b) {
        check_binding(**b);
        if (!types.insert((*b)->type).second)
            throw failure(std::string("two bindings of type ") + (*b)->type);
    }
    const auto* x =
        t->get ? static_cast<const weft_exporter_vt*>(t->get(nullptr, WEFT_EXPORTER)) : nullptr;
    if (x) check_exporter(*x);
    if (t->get && t->get(nullptr, "weft.validator.no-such-extension/1"))
        throw failure("get answers an extension id that nobody has");
    const auto has = [t](const char* id) { return t->get && t->get(nullptr, id) != nullptr; };
    if (types.empty() && !x && !has(WEFT_VAULT) && !has(WEFT_GUARD))
        throw failure("it has neither a binding nor an exporter, a vault or a guard");
}

void schema(probe& p) {
    const auto* t = table_of(p.file());
    bool any = false;
    for (const auto* const* b = t->bindings; b && *b; ++b, any = true)
        if (const auto problem = schema_problem(**b); !problem.empty())
            throw failure(std::string((*b)->type) + ": " + problem);
    if (!any) throw skipped("the plugin has no binding");
}

// init of a host that says `minor`: it must work, or refuse with a text.
void init_only(probe& p, testing::host_options o) {
    testing::host h(std::move(o));
    try {
        h.load(p.file());
    } catch (const testing::refused& r) {
        if (r.code() >= 0 || r.text().empty())
            throw failure("init refuses without a negative code or without a text");
    }
    h.finish();
}

void older_host(probe& p) {
    const auto* t = table_of(p.file());
    if (t->abi_minor == 0)
        throw skipped("there is no host older than the ABI 1.0 that it asks for");
    init_only(p, {.abi_minor = t->abi_minor - 1});
}

void newer_host(probe& p) {
    constexpr uint32_t later = 7;
    auto h = p.make_host({.abi_minor = WEFT_ABI_MINOR + later});
    p.run(*h);
    h->finish();
}

void poor_host(probe& p) {
    const char* optional[] = {WEFT_LISTENERS, WEFT_TASKS, WEFT_METRICS, WEFT_SHARED};
    const char* all[] = {WEFT_LISTENERS, WEFT_TASKS,   WEFT_METRICS, WEFT_SHARED,
                         WEFT_STREAMS,   WEFT_BUFFERS, WEFT_REACTOR, WEFT_EVENTS};
    for (const char* service : all) {
        auto h = p.make_host({.without = {service}});
        if (auto* b = p.try_run(*h)) {
            for (const auto& m : p.begins()) behave(b->open(block(m)));
            let_time_pass(*h, *b);
        }
        h->finish();
    }
    auto h = p.make_host({.without = {std::begin(optional), std::end(optional)}});
    if (p.try_run(*h)) h->turn([] {});
    h->finish();
}

}  // namespace

std::vector<rule> file_rules() {
    return {
        {"one-symbol", scope::file, "weft_plugin_1 is exported and nothing else", one_symbol},
        {"no-unique-symbol", scope::file, "no GNU unique symbol keeps the file mapped",
         no_unique_symbol},
        {"tables", scope::file, "sizes, names and functions of the plugin's tables", tables},
        {"abi-version", scope::file, "the plugin speaks the ABI of this validator", abi_version},
        {"schema", scope::file, "options_schema is of the documented form and matches `kinds`",
         schema},
        {"older-host", scope::file, "init works or refuses on a host with a lower minor",
         older_host},
        {"newer-host", scope::binding, "it works on a host with a higher minor", newer_host},
        {"poor-host", scope::binding,
         "it works or refuses, with a text, when the host lacks a service", poor_host},
    };
}

std::vector<rule> all_rules() {
    std::vector<rule> out;
    for (auto part : {file_rules(), life_rules(), stream_rules(), unload_rules()})
        out.insert(out.end(), part.begin(), part.end());
    return out;
}

}  // namespace weft::validator
