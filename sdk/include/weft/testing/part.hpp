// part: a class of a plugin, tested by itself. It gets a worker handle as a whole instance would,
// and the services of the C++ layer are those of the host.
//
//   weft::testing::host host;
//   weft::testing::part part(host);
//   my_server server(config, part.here());
//   part.accepts([&](weft::stream s, const weft_begin& b) { return server.accept(s, b); });
//   auto& client = part.open();
#pragma once

#include <weft/plugin.hpp>
#include <weft/testing/host.hpp>

namespace weft::testing {

class part {
public:
    explicit part(host& h, std::string name = "test:part") : host_(&h), plugin_{&h.engine(), name} {
        weft_error e{};
        if (weft::detail::bind_services(plugin_.handle(), &h.table(), &e) != WEFT_OK)
            throw refused("services", e.code, e.path, e.text);
        state_.of = &h.engine();
        state_.name = std::move(name);
        state_.attached = state_.accepts_posts = true;
        state_.accept = [](auto...) { return int32_t{WEFT_E_INVALID}; };
        part* self = this;
        previous_ = h.engine().find_binding;
        h.engine().find_binding = [self](uint64_t exit, uint32_t index) {
            return exit == part_id ? &self->state_ : self->previous_(exit, index);
        };
    }
    // Call detach first: an endpoint cannot be told any more that its stream is over.
    ~part() {
        auto& e = host_->engine();
        if (e.forget(&state_) > 0 && std::uncaught_exceptions() == 0) {
            std::fprintf(stderr, "weft::testing::part: destroyed with streams, not detached\n");
            std::abort();
        }
        e.find_binding = previous_;
    }
    part(const part&) = delete;
    part& operator=(const part&) = delete;

    worker here() { return worker{state_.handle()}; }
    // Runs f as a call into the instance, as a turn.
    template <class F>
    void call(F&& f) {
        auto& e = host_->engine();
        e.act([&] { e.enter(&state_, std::forward<F>(f)); });
    }
    void accepts(std::function<endpoint*(stream, const weft_begin&)> f) {
        state_.accept = [f = std::move(f)](weft_stream* s, const weft_begin* b,
                                           const weft_endpoint_vt** vt, void** self) -> int32_t {
            endpoint* e = f(stream{s}, *b);
            if (!e) return WEFT_E_INVALID;
            *vt = endpoint::table();
            *self = e;
            return WEFT_OK;
        };
    }
    // Opens a stream to the part.
    peer& open(const weft_meta* meta = nullptr, uint64_t affinity = 0) {
        weft_begin b{};
        b.h = {sizeof b, WEFT_BEGIN, 0, 0, 0, meta};
        b.affinity = affinity;
        peer& p = host_->new_peer("opener");
        auto& e = host_->engine();
        e.act([&] {
            auto* s = e.open(&e.test, part_id, &b, peer::table(), &p);
            p.attach_to(detail::stream_end::of_handle(s), 0, nullptr);
        });
        return p;
    }
    // Aborts the streams that are left, then runs f, which destroys what is tested, as detach.
    void detach(const std::function<void()>& f) {
        auto& e = host_->engine();
        e.act([&] { e.force_close(&state_); });
        e.detach(&state_, f);
    }

    size_t streams() const { return state_.streams; }
    size_t timers() const { return host_->engine().timers(&state_); }
    size_t watches() const { return host_->engine().watches(&state_); }
    uint64_t metric(const std::string& name) const {
        const auto it = state_.metrics.find(name);
        return it == state_.metrics.end() ? 0 : *it->second;
    }
    bool ready() const { return state_.ready; }

private:
    static constexpr uint64_t part_id = 999'999;

    host* host_;
    detail::plugin_state plugin_;
    detail::worker_state state_;
    std::function<detail::worker_state*(uint64_t, uint32_t)> previous_;
};

}  // namespace weft::testing
