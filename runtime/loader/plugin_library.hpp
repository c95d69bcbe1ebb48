// One loaded plugin file: opened, negotiated and initialised; closed and unmapped when destroyed.
#pragma once

#include <weft/abi.h>

#include <boost/dll/shared_library.hpp>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>

namespace weft {
class service_host;
}

// What a plugin holds as its host: one per plugin.
struct weft_host {
    weft::service_host* services = nullptr;
    std::string plugin;  // for log lines
};

namespace weft {

// The file cannot be used as a plugin; the text names the file, what was wanted and what was found.
class plugin_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

struct abi_version {
    uint32_t major, minor;
};

// Why a plugin that needs `plugin` cannot run on `host`, and which side to update; empty when it
// can.
std::string abi_problem(abi_version plugin, abi_version host);

// Opens `file` and returns its table after the version check; used by the inspector and the loader
// alike.
const weft_plugin* open_plugin(boost::dll::shared_library& library, const std::string& file);

class plugin_library {
public:
    // Throws plugin_error when the file is no plugin, speaks another ABI or its init fails.
    // `on_unmapped` runs once the file is unmapped.
    plugin_library(const std::string& file, service_host& given,
                   std::function<void()> on_unmapped = {});
    ~plugin_library();
    plugin_library(const plugin_library&) = delete;
    plugin_library& operator=(const plugin_library&) = delete;

    const weft_plugin& table() const { return *table_; }
    void* plugin() const { return plugin_; }
    const weft_binding_vt* find_binding(const std::string& type) const;
    const void* extension(const char* id) const {
        return table_->get ? table_->get(plugin_, id) : nullptr;
    }
    const std::string& file() const { return file_; }
    weft_host& host() { return host_; }

private:
    std::string file_;
    std::function<void()> on_unmapped_;
    boost::dll::shared_library library_;
    const weft_plugin* table_ = nullptr;
    weft_host host_;
    void* plugin_ = nullptr;
};

}  // namespace weft
