// peer: one end of a stream, played by the test.
#pragma once

#include <weft/testing/core.hpp>

#include <initializer_list>
#include <span>

namespace weft::testing {

// Send with the verbs, look at what came with expect and take. Each verb is a turn of its own: when
// it returns, everything that follows from it has happened. WINDOWs are not listed among the
// frames; they change credit(). Breaking a rule of the ABI from here is a fault of the test and
// throws std::logic_error.
//
// Handles and peers live as long as their host; a peer may be looked at after it is closed().
class peer {
public:
    // ---- sending on our direction ----
    void begin(const weft_meta* meta = nullptr) {
        weft_begin b{};
        b.h = header(sizeof b, WEFT_BEGIN, meta);
        put(b.h);
    }
    // DATA, one whole message unless flags say otherwise. Needs credit for its bytes and for the
    // padding that the binding asked for.
    void send(std::string_view bytes, const weft_meta* meta = nullptr,
              uint16_t flags = WEFT_INIT | WEFT_FIN) {
        send_slices(std::span(&bytes, 1), meta, flags);
    }
    // DATA whose payload comes in several slices, each a buffer of its own.
    void send_slices(std::span<const std::string_view> parts, const weft_meta* meta = nullptr,
                     uint16_t flags = WEFT_INIT | WEFT_FIN) {
        struct slice_list : std::vector<weft_slice> {
            explicit slice_list(detail::buffer_book& b) : buffers(b) {}
            ~slice_list() { give_up(); }
            void give_up() {
                for (const auto& s : *this) buffers.release(s);
                clear();
            }
            slice_list(const slice_list&) = delete;
            slice_list& operator=(const slice_list&) = delete;
            detail::buffer_book& buffers;
        };
        uint32_t reserved = padding();
        slice_list iov(core_->buffers);
        for (const auto part : parts) {
            if (part.empty()) continue;
            iov.push_back(buffer_of(part));
            reserved += static_cast<uint32_t>(part.size());
        }
        weft_data d{};
        d.h = header(sizeof d, WEFT_DATA, meta, flags);
        d.reserved = reserved;
        d.iovcnt = static_cast<uint32_t>(iov.size());
        d.iov = iov.data();
        core_->act([&] {
            core_->send(end_, &d.h);
            iov.give_up();
        });
    }
    void flush(const weft_meta* meta, uint32_t reserved = 0) {
        weft_flush f{};
        f.h = header(sizeof f, WEFT_FLUSH, meta);
        f.reserved = reserved;
        put(f.h);
    }
    void end(const weft_meta* meta = nullptr) { bare(WEFT_END, meta); }
    void abort(const weft_meta* meta = nullptr) { bare(WEFT_ABORT, meta); }

    // ---- about the binding's direction ----
    void reset(const weft_meta* meta = nullptr) { bare(WEFT_RESET, meta); }
    void challenge(const weft_meta* meta = nullptr) { bare(WEFT_CHALLENGE, meta); }
    void drain() { bare(WEFT_DRAIN, nullptr); }
    // All but `pending` of the bytes that came are done with, `maximum` may be outstanding.
    void window(uint32_t maximum, uint64_t pending = 0, uint32_t padding_bytes = 0,
                uint32_t minimum = 0) {
        weft_window w{};
        w.h = header(sizeof w, WEFT_WINDOW, nullptr);
        w.acknowledge = end_->delivered - pending;
        w.maximum = maximum;
        w.padding = padding_bytes;
        w.minimum = minimum;
        put(w.h);
    }
    // Grants `maximum` now and again whenever DATA has come, as a reader does that keeps up.
    void keep_window(uint32_t maximum, uint32_t padding_bytes = 0) {
        kept_window_ = maximum;
        kept_padding_ = padding_bytes;
        window(maximum, 0, padding_bytes);
    }
    // Any frame, as it is.
    void put(const weft_frame& f) {
        core_->act([&] { core_->send(end_, &f); });
    }

    // ---- what came ----
    // The next frame, which must be of this kind; it is taken away.
    frame expect(uint16_t kind) {
        if (frames_.empty()) fail(kind, "nothing came");
        if (frames_.front().kind != kind) fail(kind, "there came " + to_string(frames_.front()));
        return take();
    }
    // The payload of the next frame, which must be DATA.
    std::string expect_data() { return expect(WEFT_DATA).payload; }
    void expect_nothing() const {
        if (!frames_.empty())
            throw expectation_failed(name_ + ": expected nothing, but there came " +
                                     to_string(frames_.front()));
    }
    // Takes the oldest frame; a frame of kind 0 when there is none.
    frame take() {
        if (frames_.empty()) return {};
        frame f = std::move(frames_.front());
        frames_.pop_front();
        return f;
    }
    // Takes all DATA, payloads joined; other frames stay.
    std::string take_data() {
        std::string all;
        std::erase_if(frames_, [&](const frame& f) {
            if (f.kind != WEFT_DATA) return false;
            all += f.payload;
            return true;
        });
        return all;
    }
    // Not taken yet, oldest first.
    const std::deque<frame>& frames() const { return frames_; }
    bool saw(uint16_t kind) const {
        return std::any_of(frames_.begin(), frames_.end(),
                           [&](const frame& f) { return f.kind == kind; });
    }
    // The BEGIN with which the binding opened this stream, or answered it.
    const frame& opened_with() const { return opened_with_; }
    uint64_t exit() const { return exit_; }  // that the binding opened; 0: the test opened it

    // ---- state ----
    uint32_t credit() const {  // bytes that the test may send
        return end_->out == detail::direction::open ? end_->credit() : 0;
    }
    uint32_t padding() const { return end_->padding; }
    uint64_t received() const { return end_->delivered; }
    size_t windows() const { return windows_; }  // WINDOWs that came
    uint64_t granted() const { return end_->acknowledged + end_->maximum; }
    bool may_send() const { return end_->out == detail::direction::open; }
    bool ended() const { return detail::over(end_->in); }     // by the binding, or by our RESET
    bool stopped() const { return detail::over(end_->out); }  // by the binding's RESET or our END
    bool closed() const { return end_->closed; }              // both directions are over

    // Runs whenever a frame has come (also WINDOW), inside of the turn: to answer at once.
    std::function<void(peer&, const frame&)> on_frame;
    std::string& name() { return name_; }  // for messages

    // Made by host and subject only.
    peer(detail::core& c, std::string name) : core_(&c), name_(std::move(name)) {}
    peer(const peer&) = delete;
    peer& operator=(const peer&) = delete;

    static const weft_endpoint_vt* table() {
        static const weft_endpoint_vt vt{sizeof vt, 0,
                                         [](void* self, weft_stream*, const weft_frame* f) {
                                             static_cast<peer*>(self)->receive(*f);
                                         },
                                         [](void*, weft_stream*) {}};
        return &vt;
    }
    void attach_to(detail::stream_end* e, uint64_t exit, const weft_begin* b) {
        end_ = e;
        exit_ = exit;
        if (b) opened_with_ = frame::copy(b->h);
    }
    detail::stream_end* end_of_stream() { return end_; }

private:
    static weft_frame header(size_t size, uint16_t kind, const weft_meta* meta,
                             uint16_t flags = 0) {
        return {static_cast<uint32_t>(size), kind, flags, 0, 0, meta};
    }
    void bare(uint16_t kind, const weft_meta* meta) { put(header(sizeof(weft_frame), kind, meta)); }
    weft_slice buffer_of(std::string_view bytes) {
        weft_slice s{};
        const bool dry = std::exchange(core_->buffers.out_of_memory, false);
        const auto left = std::exchange(core_->buffers.allocations_left, -1);
        uint8_t* to = core_->buffers.alloc(name_, static_cast<uint32_t>(bytes.size()), &s);
        core_->buffers.out_of_memory = dry;
        core_->buffers.allocations_left = left;
        std::memcpy(to, bytes.data(), bytes.size());
        return s;
    }
    void receive(const weft_frame& f) {
        const frame copy = frame::copy(f);
        if (f.kind == WEFT_WINDOW)
            ++windows_;
        else
            frames_.push_back(copy);
        if (f.kind == WEFT_BEGIN) opened_with_ = copy;
        if (f.kind == WEFT_DATA && kept_window_) window(kept_window_, 0, kept_padding_);
        if (on_frame) on_frame(*this, copy);
    }
    [[noreturn]] void fail(uint16_t kind, const std::string& instead) const {
        throw expectation_failed(name_ + ": expected " + kind_name(kind) + ", but " + instead);
    }

    detail::core* core_;
    std::string name_;
    detail::stream_end* end_ = nullptr;
    uint64_t exit_ = 0;
    frame opened_with_;
    std::deque<frame> frames_;
    uint32_t kept_window_ = 0, kept_padding_ = 0;
    size_t windows_ = 0;
};

}  // namespace weft::testing
