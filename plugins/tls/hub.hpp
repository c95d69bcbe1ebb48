// hub: a tls binding on one worker: its sessions, and what they share.
#pragma once

#include "context.hpp"
#include "failure.hpp"

#include <weft/event_limit.hpp>
#include <weft/live_list.hpp>
#include <weft/plugin.hpp>

#include <array>
#include <mutex>

namespace weft::tls {

class session;

// The context of now, for every worker; another one when the vault has been renewed.
class current_context {
public:
    void set(std::shared_ptr<const context> c) {
        const std::lock_guard lock(mutex_);
        context_ = std::move(c);
    }
    std::shared_ptr<const context> get() const {
        const std::lock_guard lock(mutex_);
        return context_;
    }

private:
    mutable std::mutex mutex_;
    std::shared_ptr<const context> context_;
};

class hub : public instance {
public:
    hub(worker w, const tls_config& c, const current_context& contexts);
    ~hub() override;

    void drain(uint32_t why, uint64_t deadline_ns) override;

    const worker here;
    const tls_config& config;
    const current_context& contexts;
    metric handshakes, failed, resumed, offloaded, sessions, under_way;

    // A handshake may begin; every true is followed by an end.
    bool begin_handshake();
    void end_handshake() { under_way.sub(); }
    bool draining() const { return draining_; }

    void add(session& s);
    void remove(session& s);
    // `s` encrypts what it has at the end of the turn.
    void write_later(session& s);
    void tell(const failure& f, const std::string& whom);
    event_limits events;

    std::array<uint8_t, record_size_max> scratch;  // where small messages become one record

private:
    void write_all();

    live_list<session> live_;
    std::vector<session*> writers_;
    bool draining_ = false, writing_later_ = false;
};

}  // namespace weft::tls
