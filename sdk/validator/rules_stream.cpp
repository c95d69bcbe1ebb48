// Rules of streams: ended at every point, small windows, cut frames, frames that wait, no memory.
#include "rule.hpp"

#include <algorithm>
#include <array>

namespace weft::validator {
namespace {

using testing::peer;

constexpr uint32_t wide = 64 * 1024;

// How a side gives a stream up.
enum class cut { end, abort, reset, abort_and_reset, end_and_reset };
constexpr std::array cuts{cut::end, cut::abort, cut::reset, cut::abort_and_reset,
                          cut::end_and_reset};

const char* cut_name(cut c) {
    static constexpr const char* names[] = {"END", "ABORT", "RESET", "ABORT and RESET",
                                            "END and RESET"};
    return names[static_cast<size_t>(c)];
}

void give_up(peer& p, cut how) {
    if (p.closed()) return;
    if (how == cut::end || how == cut::end_and_reset) p.end();
    if (how == cut::abort || how == cut::abort_and_reset) p.abort();
    if (p.closed()) return;
    if (how == cut::reset || how == cut::abort_and_reset || how == cut::end_and_reset) p.reset();
}

// What an opener does, step by step; a rule stops it anywhere.
class opener {
public:
    static constexpr int steps = 6;

    opener(peer& p, std::string_view data) : peer_(p), rest_(data) {}
    void step(int n) {
        switch (n) {
            case 0:
                return grant(1);
            case 1:
                return send(1);
            case 2:
                return grant(wide);
            case 3:
                return send(rest_.size() / 2);
            case 4:
                return send(SIZE_MAX);
            default:
                if (peer_.may_send()) peer_.flush(nullptr);
        }
    }
    void run() {
        for (int n = 0; n < steps; ++n) step(n);
    }

private:
    void grant(uint32_t n) {
        if (!peer_.ended()) peer_.window(n);
    }
    void send(size_t n) { rest_ = send_some(peer_, rest_, n); }

    peer& peer_;
    std::string_view rest_;
};

void end_all(testing::host& h, testing::subject& b, const std::vector<peer*>& opened) {
    let_time_pass(h, b);
    for (peer* p : opened) give_up(*p, cut::end);
    let_time_pass(h, b);
    h.finish();
}

void conversation(probe& p) {
    auto h = p.make_host();
    auto& b = p.run(*h);
    std::vector<peer*> opened;
    for (const auto& m : p.begins()) {
        opened.push_back(&b.open(block(m)));
        opener(*opened.back(), p.data()).run();
    }
    const callers sockets(*h, p.data());
    end_all(*h, b, opened);
}

void opener_cuts(probe& p) {
    for (const auto how : cuts) {
        auto h = p.make_host();
        auto& b = p.run(*h);
        for (const auto& m : p.begins())
            for (int point = 0; point <= opener::steps; ++point) {
                peer& s = b.open(block(m));
                opener o(s, p.data());
                for (int n = 0; n < point; ++n) o.step(n);
                behave(s);
                give_up(s, how);
                let_time_pass(*h, b);
                if (!s.closed() && how != cut::end && how != cut::reset)
                    throw failure(std::string("after ") + cut_name(how) + " at step " +
                                  std::to_string(point) + " it does not end its own direction");
            }
        h->finish();
    }
}

void exit_cuts(probe& p) {
    size_t opened = 0;
    for (const auto how : cuts)
        for (int point = 0; point < 4 && !p.long_enough(); ++point) {
            auto h = p.make_host();
            h->on_open = [&](peer& x) {
                ++opened;
                x.on_frame = [&, seen = 0](peer& self, const testing::frame& f) mutable {
                    if (f.kind != WEFT_DATA && f.kind != WEFT_WINDOW) return;
                    if (++seen == point) give_up(self, how);
                };
                if (point == 0) return give_up(x, how);
                x.begin();
                if (point == 1) return give_up(x, how);
                x.keep_window(wide);
            };
            auto& b = p.run(*h);
            std::vector<peer*> streams;
            for (const auto& m : p.begins()) {
                streams.push_back(&b.open(block(m)));
                behave(*streams.back());
                opener(*streams.back(), p.data()).run();
            }
            const callers sockets(*h, p.data());
            end_all(*h, b, streams);
        }
    if (opened == 0) throw skipped("it opens no stream");
}

void exit_refused(probe& p) {
    auto h = p.make_host();
    h->refuse_exit(testing::exit_id);
    auto& b = p.run(*h);
    std::vector<peer*> opened;
    for (const auto& m : p.begins()) {
        opened.push_back(&b.open(block(m)));
        behave(*opened.back());
        opener(*opened.back(), p.data()).run();
    }
    const callers sockets(*h, p.data());
    end_all(*h, b, opened);
}

// Windows of `each` bytes beyond the padding, on both sides.
void narrow(probe& p, uint32_t each, uint32_t padding) {
    auto h = p.make_host();
    const uint32_t size = each + padding;
    h->on_open = [&](peer& x) {
        x.begin();
        if (size)
            x.keep_window(size, padding);
        else
            x.window(0);
        behave(x);
    };
    auto& b = p.run(*h);
    std::vector<peer*> opened;
    for (const auto& m : p.begins()) {
        peer& s = b.open(block(m));
        opened.push_back(&s);
        behave(s);
        if (size && !s.closed())
            s.keep_window(size, padding);
        else if (!s.closed())
            s.window(0);
        std::string_view rest = p.data();
        for (size_t i = 0; i < p.data().size() && !rest.empty(); ++i) rest = send_some(s, rest, 1);
        if (!s.ended()) s.window(size, 0, padding);
    }
    const callers sockets(*h, p.data());
    end_all(*h, b, opened);
}

// The data in two frames cut at every byte, then byte by byte, then as one frame of many slices.
void split(probe& p) {
    const std::string& data = p.data();
    auto h = p.make_host();
    auto& b = p.run(*h);
    const auto each_begin = [&](const std::function<void(peer&)>& f) {
        for (const auto& m : p.begins()) {
            peer& s = b.open(block(m));
            behave(s);
            if (!s.closed()) s.keep_window(wide);
            f(s);
            give_up(s, cut::end);
            let_time_pass(*h, b);
            give_up(s, cut::abort_and_reset);
        }
    };
    constexpr size_t cuts_max = 200;  // of long data, evenly spread
    const size_t stride = std::max<size_t>(1, data.size() / cuts_max);
    for (size_t at = 1; at < data.size() && !p.long_enough(); at += stride)
        each_begin([&](peer& s) { send_some(s, send_some(s, data, at)); });
    each_begin([&](peer& s) {
        for (std::string_view rest = data; !rest.empty();) {
            const auto left = send_some(s, rest, 1);
            if (left.size() == rest.size()) break;
            rest = left;
        }
    });
    each_begin([&](peer& s) {
        std::vector<std::string_view> parts;
        for (size_t i = 0; i < data.size(); ++i)
            parts.push_back(std::string_view(data).substr(i, 1));
        if (s.may_send() && s.credit() >= data.size() + s.padding()) s.send_slices(parts);
    });
    h->finish();
}

void waiting(probe& p) {
    auto h = p.make_host();
    h->queue_everything();
    auto& b = p.run(*h);
    std::vector<peer*> opened;
    for (const auto& m : p.begins()) {
        peer& s = b.open(block(m));
        opened.push_back(&s);
        behave(s);
        opener(s, p.data()).run();
        // Everything of a stream within one turn.
        peer& burst = b.open(block(m));
        opened.push_back(&burst);
        h->turn([&] {
            opener(burst, p.data()).run();
            give_up(burst, cut::abort_and_reset);
        });
    }
    end_all(*h, b, opened);
}

void without_memory(probe& p) {
    constexpr int64_t allocations_tried = 12;
    for (int64_t left = 0; left < allocations_tried && !p.long_enough(); ++left) {
        auto h = p.make_host();
        auto& b = p.run(*h);
        h->allocations_left(left);
        std::vector<peer*> opened;
        for (const auto& m : p.begins()) {
            peer& s = b.open(block(m));
            opened.push_back(&s);
            behave(s);
            opener(s, p.data()).run();
        }
        const callers sockets(*h, p.data());
        let_time_pass(*h, b);
        h->allocations_left(-1);
        end_all(*h, b, opened);
    }
}

// One peer's arbitrary next step.
void any_step(probe& p, testing::host& h, peer& s) {
    auto& random = p.random();
    std::string_view data = p.data();
    switch (random() % 12) {
        case 0:
        case 1:
            if (!s.ended()) s.window(static_cast<uint32_t>(random() % 256));
            return;
        case 2:
            if (!s.ended()) s.window(wide, 0, static_cast<uint32_t>(random() % 8));
            return;
        case 3:
        case 4:
        case 5: {
            const size_t at = data.empty() ? 0 : random() % data.size();
            send_some(s, data.substr(at), 1 + random() % 16);
            return;
        }
        case 6:
            if (s.may_send()) s.flush(nullptr);
            return;
        case 7:
            return h.advance(std::chrono::milliseconds(random() % 1000));
        case 8:
            return h.queue_everything(random() % 2 == 0);
        case 9:
            if (random() % 4 == 0) give_up(s, cuts[random() % cuts.size()]);
            return;
        case 10:
            if (!s.closed() && !s.ended()) s.drain();
            return;
        default:
            if (!s.closed() && !s.ended()) s.challenge();
    }
}

void random_walk(probe& p) {
    constexpr int walks = 20, steps = 200;
    for (int walk = 0; walk < walks && !p.long_enough(); ++walk) {
        auto h = p.make_host();
        std::vector<peer*> all;
        h->on_open = [&](peer& x) {
            if (p.random()() % 2) x.begin();
            all.push_back(&x);
        };
        auto& b = p.run(*h);
        const auto begins = p.begins();
        for (int i = 0; i < steps; ++i) {
            if (all.empty() || p.random()() % 16 == 0)
                all.push_back(&b.open(block(begins[p.random()() % begins.size()])));
            peer& s = *all[p.random()() % all.size()];
            if (!s.closed() && s.end_of_stream()) any_step(p, *h, s);
        }
        h->queue_everything(false);
        for (peer* s : all) behave(*s);
        let_time_pass(*h, b);
        h->finish();
    }
}

}  // namespace

std::vector<rule> stream_rules() {
    return {
        {"conversation", scope::binding, "streams are opened, carry data and end", conversation},
        {"opener-ends", scope::binding, "the opener ends, aborts or resets a stream at every point",
         opener_cuts},
        {"exit-ends", scope::binding, "an exit ends, aborts or resets a stream at every point",
         exit_cuts},
        {"exit-refused", scope::binding, "an exit refuses every stream", exit_refused},
        {"window-0", scope::binding, "no window at all", [](probe& p) { narrow(p, 0, 0); }},
        {"window-1", scope::binding, "windows of one byte", [](probe& p) { narrow(p, 1, 0); }},
        {"window-1-padded", scope::binding, "windows of one byte beyond the padding",
         [](probe& p) { narrow(p, 1, 16); }},
        {"window-padding", scope::binding, "windows that hold nothing but the padding",
         [](probe& p) { narrow(p, 0, 16); }},
        {"split", scope::binding, "data cut into frames and slices at every byte", split},
        {"waiting", scope::binding, "every frame waits in an inbox first", waiting},
        {"no-memory", scope::binding, "buffers run out at every allocation", without_memory},
        {"random", scope::binding, "random steps of all peers, from the seed", random_walk},
    };
}

}  // namespace weft::validator
