// host: a whole Weft host for one test, in one thread, with a clock that the test moves.
#pragma once

#include <weft/testing/config.hpp>
#include <weft/testing/subject.hpp>
#include <weft/testing/tables.hpp>
#include <weft/testing/temporary_folder.hpp>

#include <dlfcn.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <optional>

namespace weft::testing {

struct host_options {
    uint32_t workers = 1;                // instances per binding; all on the test's thread
    std::set<std::string> without = {};  // services that this host lacks, such as "weft.tasks/1"
    task_mode tasks = task_mode::at_turn_end;
    uint32_t abi_major = WEFT_ABI_MAJOR, abi_minor = WEFT_ABI_MINOR;
    std::string directory = {};  // engine.directory; empty: a temporary one
};

// A plugin that a host has initialised.
class plugin {
public:
    const weft_plugin& table() const { return *table_; }
    void* self() const { return self_; }
    weft_host* handle() { return state_.handle(); }
    // The binding type, or the only one when `type` is empty; null when there is none.
    const weft_binding_vt* find(std::string_view type = {}) const {
        for (const auto* const* b = table_->bindings; b && *b; ++b)
            if (type.empty() || type == (*b)->type) return *b;
        return nullptr;
    }
    template <class T>
    const T* extension(const char* id) const {
        return table_->get ? static_cast<const T*>(table_->get(self_, id)) : nullptr;
    }

    plugin(detail::core& c, const weft_plugin* table, void* library)
        : table_(table), library_(library), state_{&c, table->name ? table->name : "?"} {}
    plugin(const plugin&) = delete;
    plugin& operator=(const plugin&) = delete;
    void init(const weft_host_vt* vt) {
        weft_error e{};
        const int32_t rc = table_->init(state_.handle(), vt, &self_, &e);
        if (rc != WEFT_OK) throw refused("init", rc, e.path, e.text);
        live_ = true;
    }
    void unload() {
        if (std::exchange(live_, false) && table_->deinit) table_->deinit(self_);
        if (void* l = std::exchange(library_, nullptr)) ::dlclose(l);
    }

private:
    const weft_plugin* table_;
    void* library_;
    void* self_ = nullptr;
    bool live_ = false;
    detail::plugin_state state_;
};

class host {
public:
    explicit host(host_options o = {}) : options_(std::move(o)), table_(make_table()) {
        core_.without = options_.without;
        core_.services = &entities_;
        core_.forget_watches = [this](uint64_t binding) { entities_.forget(binding); };
        core_.tasks_run = options_.tasks;
        core_.find_binding = [this](uint64_t exit, uint32_t index) { return target(exit, index); };
        core_.accept_by_test = [this](detail::stream_end* s, uint64_t exit, const weft_begin& b) {
            return take(s, exit, b);
        };
        detail::cores().add(&core_);
    }
    // Does what finish() would, if the test did not come to it. What is wrong then goes to the
    // handler, or, without one, to stderr and ends the process, unless an exception is under way.
    ~host();
    host(const host&) = delete;
    host& operator=(const host&) = delete;

    // ---- the binding under test ----
    // Loads the plugin, if that has not happened yet, creates a binding and attaches it.
    // `config` is JSON in the form of weft_binding_vt.create; what is left out is filled in: the
    // plugin's first kind, no options, and one route to `exit_id`, which the test plays. Throws
    // `refused` when the plugin refuses.
    subject& run(weft_plugin_fn entry, std::string_view config = "{}") {
        return run(load(entry), config);
    }
    subject& run(const std::string& file, std::string_view config = "{}") {
        return run(load(file), config);
    }
    subject& run(plugin& p, std::string_view config = "{}", const std::string& type = {});

    plugin& load(weft_plugin_fn entry);
    plugin& load(const std::string& file);  // a .so
    void unload(plugin& p);                 // after its bindings; deinit and dlclose

    // Ends everything in good order: aborts what streams are left, drains, detaches and destroys
    // the bindings, unloads the plugins, and looks for what was left behind.
    void finish();

    // ---- the other side: streams that the binding opens to exits that are no bindings ----
    // The oldest such stream that the test has not taken yet; throws when there is none.
    peer& accepted() { return accepted(0); }
    peer& accepted(uint64_t exit);
    size_t waiting() const { return waiting_.size(); }
    // Called as a stream arrives, inside of the turn: to answer at once. It is then not `accepted`.
    std::function<void(peer&)> on_open;
    void refuse_exit(uint64_t exit, bool refused_from_now = true) {
        if (refused_from_now)
            refused_exits_.insert(exit);
        else
            refused_exits_.erase(exit);
    }

    // ---- time, threads, descriptors ----
    template <class Rep, class Period>
    void advance(std::chrono::duration<Rep, Period> d) {
        core_.advance(
            static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(d).count()));
    }
    uint64_t now_ns() const { return core_.now(); }
    // Does what several verbs of peers cause in one turn, such as two frames of one socket read.
    void turn(const std::function<void()>& f) { core_.act(f); }
    // Waits, in real time, for posts of other threads, tasks on threads and descriptors.
    bool wait_for(const std::function<bool()>& done, int limit_ms = 10'000) {
        return core_.wait_for(done, limit_ms);
    }
    bool poll_once(int timeout_ms = 0) { return core_.poll_once(timeout_ms); }
    size_t run_tasks() { return core_.run_tasks(); }  // with task_mode::when_told
    size_t tasks() const { return core_.pending_tasks(); }
    // weft.listeners/1 gives out sockets on free ports of 127.0.0.1: the one for port `asked`.
    uint16_t listening_port(uint16_t asked) const { return core_.listening_port(asked); }
    std::vector<uint16_t> listening_ports() const { return core_.listening_ports(); }

    // ---- trouble to order ----
    // Frames, even onwards, wait in the inbox of their instance.
    void queue_everything(bool on = true) { core_.queue_everything = on; }
    void out_of_memory(bool on = true) { core_.buffers.out_of_memory = on; }
    void allocations_left(int64_t n) { core_.buffers.allocations_left = n; }  // -1: no limit
    void refuse_watches(bool on = true) { core_.refuse_watches = on; }
    void refuse_leases(std::string reason) { core_.refuse_leases = std::move(reason); }
    // Watches how long calls hold their worker, in real time; the runtime reports those above 100
    // ms.
    void calls_may_take(std::chrono::nanoseconds limit) {
        core_.call_ns_max = static_cast<uint64_t>(limit.count());
    }
    void error_logs_fail(bool on) { core_.error_logs_fail = on; }  // default: they do

    // ---- vaults and guards, by qualified name ----
    void vault(const std::string& name, std::vector<vault_entry> holds) {
        entities_.vaults[name] = std::move(holds);
    }
    // It holds something else now: bindings that watch it are told. Throws refused.
    void renew_vault(const std::string& name, std::vector<vault_entry> holds) {
        auto before = std::exchange(entities_.vaults[name], std::move(holds));
        weft_error e{};
        core_.act([] {});
        if (const int32_t rc = entities_.renew(name, &e); rc != WEFT_OK) {
            entities_.vaults[name] = std::move(before);
            throw refused("renew", rc, e.path, e.text);
        }
        core_.act([] {});
        core_.report.raise();
    }
    void guard(const std::string& name, guard_script f) { entities_.guards[name] = std::move(f); }
    // A session to open streams with: subject.auth.
    uint64_t session(const std::string& guard_name, const identified& who) {
        return entities_.keep(guard_name, who);
    }
    size_t sessions() const { return entities_.sessions(); }

    // ---- what was said and used ----
    const std::vector<event>& events() const { return core_.events; }
    const std::vector<event>& logs() const { return core_.logs; }
    bool emitted(std::string_view id) const {
        return std::any_of(core_.events.begin(), core_.events.end(),
                           [&](const event& e) { return e.id == id; });
    }
    size_t buffers_alive() const { return core_.buffers.alive(); }
    size_t timers() const { return core_.timers(); }

    // ---- violations ----
    // Without a handler a violation is thrown, as contract_violation, by the call of the kit in
    // which it happened.
    void on_violation(std::function<void(const violation&)> f) {
        core_.report.handler = std::move(f);
    }

    detail::core& engine() { return core_; }
    const weft_host_vt& table() const { return table_; }
    peer& new_peer(std::string name) { return peers_.emplace_back(core_, std::move(name)); }

private:
    weft_host_vt make_table() const {
        return detail::host_table(options_.abi_major, options_.abi_minor);
    }
    detail::worker_state* target(uint64_t exit, uint32_t index);
    bool take(detail::stream_end* s, uint64_t exit, const weft_begin& b);
    const std::string& directory();

    static constexpr uint64_t first_binding_id = 1'000'000;  // below: exits that the test plays

    host_options options_;
    weft_host_vt table_;
    detail::entities entities_;
    detail::core core_;
    std::deque<peer> peers_;
    std::deque<peer*> waiting_;
    std::set<uint64_t> refused_exits_;
    std::deque<plugin> plugins_;
    std::map<weft_plugin_fn, plugin*> by_entry_;
    std::map<std::string, plugin*> by_file_;
    std::deque<subject> subjects_;
    std::optional<temporary_folder> temporary_;
};

}  // namespace weft::testing

#include <weft/testing/host_life.hpp>
