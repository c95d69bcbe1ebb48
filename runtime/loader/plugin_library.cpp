#include "loader/plugin_library.hpp"

#include "engine/services.hpp"

#include <boost/system/error_code.hpp>

#include <fmt/format.h>

#include <dlfcn.h>

namespace weft {
namespace {

// A sanitizer names code by its mapping when the process ends, and counts what the globals of an
// unmapped library (librdkafka, OpenSSL) held as leaks of nobody.
void stay_mapped_when_sanitized([[maybe_unused]] const std::string& file) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD | RTLD_NODELETE);
#endif
}

}  // namespace

std::string abi_problem(abi_version plugin, abi_version host) {
    if (plugin.major != host.major)
        return fmt::format("the plugin speaks ABI {}.{}, this runtime speaks {}.{}; update the {}",
                           plugin.major, plugin.minor, host.major, host.minor,
                           plugin.major < host.major ? "plugin" : "runtime");
    if (plugin.minor > host.minor)
        return fmt::format(
            "the plugin needs a runtime of ABI {}.{} or later, this one speaks {}.{}; update the "
            "runtime",
            plugin.major, plugin.minor, host.major, host.minor);
    return {};
}

const weft_plugin* open_plugin(boost::dll::shared_library& library, const std::string& file) {
    boost::system::error_code error;
    // Now and local: a missing symbol fails here and not in traffic, and plugins do not see each
    // other's symbols.
    library.load(file, error, boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local);
    if (error) {
        // The dynamic loader's own words name the symbol or the fault; they begin with the file.
        const char* why = ::dlerror();
        const std::string text = why ? why : error.message();
        throw plugin_error(text.starts_with(file) ? text : fmt::format("{}: {}", file, text));
    }
    stay_mapped_when_sanitized(file);
    if (!library.has(WEFT_PLUGIN_ENTRY))
        throw plugin_error(
            fmt::format("{}: not a Weft plugin (no symbol {})", file, WEFT_PLUGIN_ENTRY));
    const auto entry = library.get<const weft_plugin*(void)>(WEFT_PLUGIN_ENTRY);
    const weft_plugin* table = entry();
    if (!table || table->size < offsetof(weft_plugin, get) + sizeof(table->get))
        throw plugin_error(fmt::format("{}: {} returned no plugin table", file, WEFT_PLUGIN_ENTRY));
    if (const auto problem =
            abi_problem({table->abi_major, table->abi_minor}, {WEFT_ABI_MAJOR, WEFT_ABI_MINOR});
        !problem.empty())
        throw plugin_error(fmt::format("{}: {}", file, problem));
    return table;
}

plugin_library::plugin_library(const std::string& file, service_host& services,
                               std::function<void()> on_unmapped)
    : file_(file), on_unmapped_(std::move(on_unmapped)) {
    table_ = open_plugin(library_, file);
    host_ = {&services, table_->name ? table_->name : file};
    weft_error error{};
    if (!table_->init) throw plugin_error(fmt::format("{}: has no init function", file));
    const int32_t rc = table_->init(&host_, services.host_table(), &plugin_, &error);
    if (rc != WEFT_OK) throw plugin_error(fmt::format("{}: init failed: {}", file, error.text));
}

plugin_library::~plugin_library() {
    if (plugin_ && table_->deinit) table_->deinit(plugin_);
    if (table_->flags & WEFT_PLUGIN_RESIDENT) {
        ::dlopen(file_.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD | RTLD_NODELETE);
    }
    library_.unload();
    if (on_unmapped_) on_unmapped_();
}

const weft_binding_vt* plugin_library::find_binding(const std::string& type) const {
    if (!table_->bindings) return nullptr;
    for (const auto* const* b = table_->bindings; *b; ++b)
        if (type == (*b)->type) return *b;
    return nullptr;
}

}  // namespace weft
