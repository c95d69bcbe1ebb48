// stream: a handle for sending; endpoint: what receives.
#pragma once

#include <weft/meta.hpp>
#include <weft/slice.hpp>

#include <cstdio>
#include <exception>
#include <initializer_list>
#include <span>

namespace weft {

// One end of a bidirectional stream. A plain handle, copied freely; the host owns the stream, and
// after on_closed it is void.
class stream {
public:
    stream() = default;
    explicit stream(weft_stream* s) : s_(s) {}

    explicit operator bool() const { return s_ != nullptr; }
    bool operator==(const stream&) const = default;
    weft_stream* handle() const { return s_; }

    uint32_t credit() const { return services.streams->credit(s_); }
    uint32_t padding() const { return services.streams->padding(s_); }
    uint64_t received() const { return services.streams->received(s_); }
    const char* peer_name() const { return services.streams->peer_name(s_); }

    // Forwards or sends a frame as it is.
    void send(const weft_frame& f) const { services.streams->send(s_, &f); }

    void begin(const weft_meta* meta = nullptr, uint64_t trace = 0) const {
        weft_begin b{{sizeof b, WEFT_BEGIN, 0, trace, 0, meta}, 0, 0};
        send(b.h);
    }
    void data(std::span<const weft_slice> iov, const weft_meta* meta = nullptr,
              uint16_t flags = WEFT_INIT | WEFT_FIN, uint64_t trace = 0) const {
        uint32_t reserved = padding();
        for (const auto& s : iov) reserved += s.len;
        weft_data d{{sizeof d, WEFT_DATA, flags, trace, 0, meta},
                    0,
                    0,
                    reserved,
                    static_cast<uint32_t>(iov.size()),
                    iov.data()};
        send(d.h);
    }
    void data(const weft_slice& one, const weft_meta* meta = nullptr,
              uint16_t flags = WEFT_INIT | WEFT_FIN, uint64_t trace = 0) const {
        data(std::span(&one, 1), meta, flags, trace);
    }
    void flush(const weft_meta* meta, uint64_t trace = 0) const {
        weft_flush f{{sizeof f, WEFT_FLUSH, 0, trace, 0, meta}, 0, 0, 0, 0};
        send(f.h);
    }
    void end(const weft_meta* meta = nullptr, uint64_t trace = 0) const {
        bare(WEFT_END, meta, trace);
    }
    void abort(const weft_meta* meta = nullptr, uint64_t trace = 0) const {
        bare(WEFT_ABORT, meta, trace);
    }
    void reset(const weft_meta* meta = nullptr, uint64_t trace = 0) const {
        bare(WEFT_RESET, meta, trace);
    }
    void drain() const { bare(WEFT_DRAIN, nullptr, 0); }

    // Grants credit: all but `pending` of the bytes received so far are done with, and `maximum`
    // may be outstanding from here.
    void window(uint32_t maximum, uint64_t pending = 0, uint32_t padding_bytes = 0,
                uint32_t minimum = 0) const {
        weft_window w{{sizeof w, WEFT_WINDOW, 0, 0, 0, nullptr},
                      received() - pending,
                      0,
                      maximum,
                      padding_bytes,
                      minimum,
                      0};
        send(w.h);
    }

private:
    void bare(uint16_t kind, const weft_meta* meta, uint64_t trace) const {
        weft_frame f{sizeof f, kind, 0, trace, 0, meta};
        send(f);
    }
    weft_stream* s_ = nullptr;
};

inline std::span<const weft_slice> slices(const weft_data& d) {
    return {d.iov, d.iovcnt};
}
inline uint64_t payload_size(const weft_data& d) {
    uint64_t n = 0;
    for (const auto& s : slices(d)) n += s.len;
    return n;
}

// Receives the frames of one stream. Override what you need; on_closed is the last call and the
// only place to free the object. An exception that leaves a callback is logged and ends the stream
// with ABORT and RESET; it never reaches the host.
class endpoint {
public:
    virtual ~endpoint() = default;

    virtual void on_begin(stream, const weft_begin&) {}
    virtual void on_data(stream, const weft_data&) {}
    virtual void on_flush(stream, const weft_flush&) {}
    virtual void on_end(stream, const weft_frame&) {}
    virtual void on_abort(stream, const weft_frame&) {}
    virtual void on_reset(stream, const weft_frame&) {}
    virtual void on_window(stream, const weft_window&) {}
    virtual void on_challenge(stream, const weft_frame&) {}
    virtual void on_drain(stream, const weft_frame&) {}
    virtual void on_closed(stream) = 0;

    // Every frame; a relay overrides this alone.
    virtual void on_frame(stream s, const weft_frame& f) {
        switch (f.kind) {
            case WEFT_BEGIN:
                return on_begin(s, as<weft_begin>(f));
            case WEFT_DATA:
                return on_data(s, as<weft_data>(f));
            case WEFT_FLUSH:
                return on_flush(s, as<weft_flush>(f));
            case WEFT_END:
                return on_end(s, f);
            case WEFT_ABORT:
                return on_abort(s, f);
            case WEFT_RESET:
                return on_reset(s, f);
            case WEFT_WINDOW:
                return on_window(s, as<weft_window>(f));
            case WEFT_CHALLENGE:
                return on_challenge(s, f);
            case WEFT_DRAIN:
                return on_drain(s, f);
            default:
                return;  // a kind of a newer host: nothing to do here
        }
    }

    static const weft_endpoint_vt* table() {
        static const weft_endpoint_vt vt{sizeof vt, 0, frame, closed};
        return &vt;
    }

    template <class F>
    static const F& as(const weft_frame& f) {
        return reinterpret_cast<const F&>(f);
    }

private:
    static void frame(void* self, weft_stream* s, const weft_frame* f) noexcept {
        try {
            static_cast<endpoint*>(self)->on_frame(stream{s}, *f);
        } catch (const std::exception& e) {
            fault(s, e.what());
        } catch (...) {
            fault(s, "unknown exception");
        }
    }
    static void closed(void* self, weft_stream* s) noexcept {
        try {
            static_cast<endpoint*>(self)->on_closed(stream{s});
        } catch (const std::exception& e) {
            log(WEFT_ERROR, e.what());
        } catch (...) {
            log(WEFT_ERROR, "unknown exception in on_closed");
        }
    }
    static void fault(weft_stream* s, const char* what) noexcept {
        char text[512];
        std::snprintf(text, sizeof text, "exception on the stream with %s, which ends it: %s",
                      stream{s}.peer_name(), what);
        log(WEFT_ERROR, text);
        stream{s}.abort();
        stream{s}.reset();
    }
};

}  // namespace weft
