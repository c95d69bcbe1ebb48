#include "events/bus.hpp"

#include "engine/assembly.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace weft {
namespace {

spdlog::level::level_enum to_spdlog(uint32_t level) {
    switch (level) {
        case WEFT_DEBUG:
            return spdlog::level::debug;
        case WEFT_INFO:
            return spdlog::level::info;
        case WEFT_WARN:
            return spdlog::level::warn;
        default:
            return spdlog::level::err;
    }
}

uint64_t wall_ms() {
    return static_cast<uint64_t>(std::chrono::system_clock::now().time_since_epoch() /
                                 std::chrono::milliseconds(1));
}

}  // namespace

event_bus::event_bus(bool verbose) : verbose_(verbose), thread_([this] { run(); }) {}

event_bus::~event_bus() {
    close();
}

void event_bus::emit(event e) {
    e.time_ms = wall_ms();
    {
        std::lock_guard lock(mutex_);
        if (closing_) return;
        if (queue_.size() >= queue_max) {
            ++dropped_;
            return;
        }
        queue_.push_back(std::move(e));
    }
    wake_.notify_one();
}

void event_bus::set_exporters(std::vector<exporter> exporters) {
    std::unique_lock lock(mutex_);
    exporters_.swap(exporters);
    delivered_.wait(lock, [this] { return !delivering_; });
}

void event_bus::close() {
    {
        std::lock_guard lock(mutex_);
        if (closing_) return;
        closing_ = true;
    }
    wake_.notify_one();
    thread_.join();
    exporters_.clear();
}

void event_bus::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        wake_.wait(lock, [this] { return closing_ || !queue_.empty(); });
        if (queue_.empty()) return;  // closing
        std::vector<event> batch;
        batch.swap(queue_);
        const uint64_t dropped = std::exchange(dropped_, 0);
        auto exporters = exporters_;
        delivering_ = true;
        lock.unlock();
        // Threads take the time before the lock, so neighbours may be swapped by a moment.
        std::stable_sort(batch.begin(), batch.end(),
                         [](const event& a, const event& b) { return a.time_ms < b.time_ms; });
        if (dropped)
            batch.push_back(
                {WEFT_WARN, wall_ms(), 0, "engine", "events", "engine.events.dropped",
                 fmt::format("{} events were dropped: an exporter is too slow.", dropped)});
        for (const auto& e : batch) deliver(e, exporters);
        exporters.clear();
        lock.lock();
        delivering_ = false;
        delivered_.notify_all();
    }
}

void event_bus::deliver(const event& e, const std::vector<exporter>& exporters) const {
    if (verbose_ || e.level >= WEFT_WARN)
        spdlog::log(to_spdlog(e.level), "{}:{} {} {}", e.ns, e.binding, e.id, e.text);
    const weft_event out{sizeof out,   e.level,           e.time_ms,    e.trace_id,
                         e.ns.c_str(), e.binding.c_str(), e.id.c_str(), e.text.c_str()};
    for (const auto& x : exporters) x->vt->on_event(x->object, &out);
}

}  // namespace weft
