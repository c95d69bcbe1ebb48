// subject: a binding under test, created and attached.
#pragma once

#include <weft/testing/peer.hpp>

namespace weft::testing {

class subject {
public:
    // Opens a stream to the binding, as the binding before it would. When it is refused, the peer
    // receives RESET.
    peer& open(const weft_meta* meta = nullptr, uint64_t affinity = 0, uint32_t worker = 0) {
        weft_begin b{};
        b.h = {sizeof b, WEFT_BEGIN, 0, 0, auth, meta};
        b.affinity = affinity;
        peer& p = new_peer_("opener");
        core_->act([&] {
            core_->test.index = worker;
            auto* s = core_->open(&core_->test, id_, &b, peer::table(), &p);
            p.attach_to(detail::stream_end::of_handle(s), 0, nullptr);
        });
        return p;
    }
    uint64_t auth = 0;  // of streams opened from now on

    uint64_t id() const { return id_; }  // to be an exit of another binding
    const std::string& name() const { return name_; }

    // ---- the end of its life, step by step; host::finish does what is left of it ----
    void drain(uint32_t why = WEFT_DRAIN_STOP, uint64_t deadline_ns = UINT64_MAX) {
        core_->act([&] {
            for (auto& w : workers_)
                if (w->attached)
                    core_->enter(w.get(), [&] { vt_->drain(w_self(w.get()), why, deadline_ns); });
        });
    }
    // Aborts what streams are left, as the host does after the deadline, then detaches. Timers,
    // watches, tasks, leases and wrapped buffers left behind are reported.
    void detach() {
        {
            const detail::core::quietly quiet(*core_);  // every worker, whatever is found
            core_->act([&] {
                for (auto& w : workers_) core_->force_close(w.get());
            });
            for (auto& w : workers_) {
                if (!w->attached) continue;
                if (w->tasks > 0 &&
                    !core_->wait_for([&] { return finish_tasks(*w); }, task_limit_ms))
                    core_->report.add("leak.task", name_, "a task does not come to its end");
                void* self = std::exchange(selves_[w->index], nullptr);
                core_->detach(w.get(), [&] { vt_->detach(self); });
            }
        }
        core_->raise();
    }
    void destroy() {
        if (!binding_) return;
        {
            const detail::core::quietly quiet(*core_);
            detach();
            guarded("destroy", [&] { vt_->destroy(std::exchange(binding_, nullptr)); });
            if (core_->forget_watches) core_->forget_watches(id_);
            core_->act([] {});
        }
        core_->raise();
    }
    void stop() {
        {
            const detail::core::quietly quiet(*core_);
            drain(WEFT_DRAIN_STOP, core_->now());
            destroy();
        }
        core_->raise();
    }
    bool attached() const {
        return std::any_of(workers_.begin(), workers_.end(),
                           [](const auto& w) { return w->attached; });
    }

    // ---- what it holds ----
    size_t streams() const {
        size_t n = 0;
        for (const auto& w : workers_) n += w->streams;
        return n;
    }
    size_t tasks() const {
        size_t n = 0;
        for (const auto& w : workers_) n += w->tasks;
        return n;
    }
    size_t timers() const {
        size_t n = 0;
        for (const auto& w : workers_) n += core_->timers(w.get());
        return n;
    }
    size_t watches() const {
        size_t n = 0;
        for (const auto& w : workers_) n += core_->watches(w.get());
        return n;
    }
    uint64_t metric(const std::string& name, uint32_t worker = 0) const {
        const auto& m = workers_.at(worker)->metrics;
        const auto it = m.find(name);
        return it == m.end() ? 0 : *it->second;
    }
    // weft.events/1 ready: true until it says otherwise; waits_for is what it named.
    bool ready(uint32_t worker = 0) const { return workers_.at(worker)->ready; }
    const std::string& waits_for(uint32_t worker = 0) const {
        return workers_.at(worker)->waits_for;
    }
    void* binding() const { return binding_; }  // what create and attach returned
    void* instance(uint32_t worker = 0) const { return selves_.at(worker); }

    // Made by host only.
    subject(detail::core& c, const weft_binding_vt* vt, uint64_t id,
            std::function<peer&(std::string)> new_peer)
        : core_(&c), vt_(vt), id_(id), new_peer_(std::move(new_peer)) {}
    subject(const subject&) = delete;
    subject& operator=(const subject&) = delete;
    detail::worker_state* worker(uint32_t index) const {
        return index < workers_.size() ? workers_[index].get() : nullptr;
    }
    void create_and_attach(void* plugin, const std::string& config, std::string name,
                           uint32_t workers);

private:
    static constexpr int task_limit_ms = 10'000;

    void* w_self(const detail::worker_state* w) const { return selves_[w->index]; }
    bool finish_tasks(const detail::worker_state& w) {
        core_->run_tasks();
        return w.tasks == 0;
    }
    // A control call: an exception that leaves it is the plugin's fault.
    void guarded(const char* step, const std::function<void()>& f) {
        try {
            f();
        } catch (const std::exception& e) {
            core_->report.add("exception", name_,
                              std::string("an exception left ") + step + ": " + e.what());
        } catch (...) {
            core_->report.add("exception", name_, std::string("an exception left ") + step);
        }
    }

    detail::core* core_;
    const weft_binding_vt* vt_;
    uint64_t id_;
    std::function<peer&(std::string)> new_peer_;
    std::string name_;
    void* binding_ = nullptr;
    std::vector<std::unique_ptr<detail::worker_state>> workers_;
    std::vector<void*> selves_;
};

inline void subject::create_and_attach(void* plugin, const std::string& config, std::string name,
                                       uint32_t workers) {
    name_ = std::move(name);
    weft_error e{};
    int32_t rc = WEFT_E_INTERNAL;
    core_->creating = id_;
    guarded("create", [&] { rc = vt_->create(plugin, config.c_str(), &binding_, &e); });
    core_->creating = 0;
    core_->report.raise();
    if (rc != WEFT_OK) {
        binding_ = nullptr;
        throw refused("create", rc, e.path, e.text);
    }
    for (uint32_t i = 0; i < workers; ++i) {
        auto& w = workers_.emplace_back(std::make_unique<detail::worker_state>());
        selves_.push_back(nullptr);
        w->of = core_;
        w->name = name_;
        w->index = i;
        w->id = id_;
        w->accept = [this, i](weft_stream* s, const weft_begin* b, const weft_endpoint_vt** vt,
                              void** self) { return vt_->accept(selves_[i], s, b, vt, self); };
        for (const char* const* m = vt_->emits; m && *m; ++m) w->emits.insert(core_->intern(*m));
        w->attached = w->accepts_posts = true;  // attach may use its worker
        rc = WEFT_E_INTERNAL;
        {
            const detail::core::quietly quiet(*core_);
            core_->act([&] {
                core_->enter(w.get(),
                             [&] { rc = vt_->attach(binding_, w->handle(), &selves_[i], &e); });
            });
            if (rc != WEFT_OK) {
                // As the host does: drain and detach those that were attached, then destroy.
                core_->detach(w.get(), [] {});
                stop();
            }
        }
        core_->raise();
        if (rc != WEFT_OK) throw refused("attach", rc, e.path, e.text);
    }
}

}  // namespace weft::testing
