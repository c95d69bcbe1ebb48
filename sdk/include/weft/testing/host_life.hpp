// Loading, running and ending of what a test host holds; included by host.hpp.
#pragma once

#include <weft/testing/host.hpp>

namespace weft::testing {

inline plugin& host::load(weft_plugin_fn entry) {
    auto& known = by_entry_[entry];
    if (known) return *known;
    const weft_plugin* t = entry();
    if (!t) throw refused("entry", WEFT_E_INVALID, "", "it returned no table");
    plugin& p = plugins_.emplace_back(core_, t, nullptr);
    p.init(&table_);
    core_.report.raise();
    return *(known = &p);
}

inline plugin& host::load(const std::string& file) {
    auto& known = by_file_[file];
    if (known) return *known;
    void* library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) throw refused("dlopen", WEFT_E_INVALID, "", ::dlerror());
    const auto entry = reinterpret_cast<weft_plugin_fn>(::dlsym(library, WEFT_PLUGIN_ENTRY));
    const weft_plugin* t = entry ? entry() : nullptr;
    if (!t) {
        ::dlclose(library);
        throw refused("entry", WEFT_E_INVALID, "",
                      file + (entry ? " returned no table" : " has no symbol " WEFT_PLUGIN_ENTRY));
    }
    plugin& p = plugins_.emplace_back(core_, t, library);
    p.init(&table_);
    core_.report.raise();
    return *(known = &p);
}

inline void host::unload(plugin& p) {
    std::erase_if(by_entry_, [&](const auto& x) { return x.second == &p; });
    std::erase_if(by_file_, [&](const auto& x) { return x.second == &p; });
    p.unload();
    core_.report.raise();
}

inline subject& host::run(plugin& p, std::string_view config, const std::string& type) {
    const weft_binding_vt* vt = p.find(type);
    if (!vt) throw std::logic_error("the plugin has no binding type " + type);
    auto full = detail::complete_config(config, *vt, directory(), options_.workers);
    if (const auto it = full.find("vaults"); it != full.end()) {
        for (const auto& [name, entries] : it->items()) vault(name, detail::entries_of(entries));
        full.erase("vaults");
    }
    auto& s = subjects_.emplace_back(core_, vt, first_binding_id + subjects_.size(),
                                     [this](std::string n) -> peer& { return new_peer(n); });
    s.create_and_attach(
        p.self(), full.dump(),
        full["namespace"].get<std::string>() + ":" + full["name"].get<std::string>(),
        options_.workers);
    core_.report.raise();
    return s;
}

inline peer& host::accepted(uint64_t exit) {
    for (auto it = waiting_.begin(); it != waiting_.end(); ++it) {
        if (exit != 0 && (*it)->exit() != exit) continue;
        peer* p = *it;
        waiting_.erase(it);
        return *p;
    }
    throw expectation_failed("expected that the binding opens a stream" +
                             (exit ? " to exit " + std::to_string(exit) : std::string()) +
                             ", but it did not");
}

inline detail::worker_state* host::target(uint64_t exit, uint32_t index) {
    if (exit >= first_binding_id) {
        const uint64_t at = exit - first_binding_id;
        return at < subjects_.size() ? subjects_[at].worker(index) : nullptr;
    }
    return exit == 0 || refused_exits_.contains(exit) ? nullptr : &core_.test;
}

inline bool host::take(detail::stream_end* s, uint64_t exit, const weft_begin& b) {
    peer& p = new_peer("exit " + std::to_string(exit));
    p.attach_to(s, exit, &b);
    s->vt = peer::table();
    s->self = &p;
    if (on_open)
        on_open(p);
    else
        waiting_.push_back(&p);
    return true;
}

inline const std::string& host::directory() {
    if (!options_.directory.empty()) return options_.directory;
    if (!temporary_) temporary_.emplace();
    return temporary_->path();
}

inline void host::finish() {
    {
        const detail::core::quietly quiet(core_);  // all of it happens, whatever is found
        on_open = nullptr;
        for (auto& p : peers_) p.on_frame = nullptr;
        core_.buffers.out_of_memory = false;
        core_.buffers.allocations_left = -1;
        for (auto s = subjects_.rbegin(); s != subjects_.rend(); ++s) s->stop();
        core_.act([&] { core_.force_close(&core_.test); });
        for (auto p = plugins_.rbegin(); p != plugins_.rend(); ++p) p->unload();
        by_entry_.clear();
        by_file_.clear();
        core_.join_threads();
        core_.report_leaks();
        temporary_.reset();
    }
    core_.raise();
}

inline host::~host() {
    try {
        finish();
    } catch (const std::exception& e) {
        if (std::uncaught_exceptions() == 0) {
            std::fprintf(stderr, "weft::testing::host: %s\n", e.what());
            std::abort();
        }
    }
    detail::cores().remove(&core_);
}

}  // namespace weft::testing
