#include "transport.hpp"

#include "kernel_tls.hpp"

#include <weft/meta.hpp>

#include <linux/tls.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace weft::tls {
namespace {

// Blocks hold what one turn writes: a record, or the messages of a handshake.
constexpr uint32_t block_min = 2 * 1024;
constexpr size_t slices_per_frame = 64;

// How OpenSSL tells a BIO of TLS by the kernel; bio.h reserves the numbers and leaves out the
// names.
constexpr int ctrl_set_keys = 72, ctrl_set_content_type = 74, ctrl_clear_content_type = 75;

}  // namespace

const BIO_METHOD* transport::method() {
    // The type only serves to find a BIO in a chain; numbers from OpenSSL's own pool would run out
    // with reloads.
    static const struct owner {
        owner() : m(BIO_meth_new(BIO_TYPE_SOURCE_SINK | 0x7f, "weft slices")) {
            BIO_meth_set_read(m, [](BIO* b, char* to, int size) {
                BIO_clear_retry_flags(b);
                const int n = static_cast<transport*>(BIO_get_data(b))->read(to, size);
                if (n < 0) BIO_set_retry_read(b);
                return n;
            });
            BIO_meth_set_write(m, [](BIO* b, const char* from, int size) {
                BIO_clear_retry_flags(b);
                return static_cast<transport*>(BIO_get_data(b))->write(from, size);
            });
            BIO_meth_set_ctrl(m, [](BIO* b, int what, long number, void* p) -> long {
                return static_cast<transport*>(BIO_get_data(b))->control(what, number, p);
            });
        }
        ~owner() { BIO_meth_free(m); }
        BIO_METHOD* m;
    } mine;
    return mine.m;
}

bool transport::serve(SSL* s, bool kernel) {
    kernel_ = kernel;
    if (kernel) SSL_set_options(s, SSL_OP_ENABLE_KTLS);
    BIO* b = BIO_new(method());
    if (!b) return false;
    BIO_set_data(b, this);
    BIO_set_init(b, 1);
    SSL_set_bio(s, b, b);
    return true;
}

void transport::receive(const weft_data& d) {
    for (const auto& s : slices(d)) {
        if (s.len == 0) continue;
        held_ += s.len;
        in_.push_back(chunk::retain(s));
    }
}

void transport::drop_held() {
    in_.clear();
    in_at_ = 0;
    held_ = 0;
}

// -1: there is nothing now.
int transport::read(char* to, int size) {
    int done = 0;
    while (done < size && in_at_ < in_.size()) {
        auto& c = in_[in_at_];
        const uint32_t n = std::min(c.size(), static_cast<uint32_t>(size - done));
        std::memcpy(to + done, c.data(), n);
        done += static_cast<int>(n);
        c.remove_prefix(n);
        if (c.empty()) {
            c.reset();
            ++in_at_;
        }
    }
    held_ -= static_cast<uint64_t>(done);
    if (in_at_ == in_.size()) {
        in_.clear();
        in_at_ = 0;
    }
    return done > 0 ? done : -1;
}

long transport::control(int what, long number, const void* p) {
    switch (what) {
        case BIO_CTRL_FLUSH:
        case BIO_CTRL_DUP:
            return 1;
        case ctrl_set_keys:
            return number != 0 && take_keys(p);  // 0: those to read with
        case BIO_CTRL_GET_KTLS_SEND:
            return offloaded_;
        case ctrl_set_content_type:
            content_type_ = static_cast<uint8_t>(number);
            return 1;
        case ctrl_clear_content_type:
            content_type_ = 0;
            return 1;
        default:
            return 0;
    }
}

// `crypto_info` begins with what the kernel takes of this cipher.
bool transport::take_keys(const void* crypto_info) {
    if (!kernel_ || !crypto_info) return false;
    tls_crypto_info head;
    std::memcpy(&head, crypto_info, sizeof head);
    if (!kernel_makes_records(head.version, head.cipher_type)) return false;
    block b;
    b.keys = true;
    b.used = b.capacity = static_cast<uint32_t>(crypto_info_size(head.cipher_type));
    b.bytes = here_.alloc(b.capacity, b.base);
    if (!b.base) return false;
    std::memcpy(b.base, crypto_info, b.used);
    out_.push_back(std::move(b));
    offloaded_ = true;
    return true;
}

transport::block* transport::room_for(uint32_t size, uint8_t content_type) {
    if (!out_.empty()) {
        auto& last = out_.back();
        if (last.base && last.used < last.capacity && last.content_type == content_type)
            return &last;
    }
    block b;
    b.content_type = content_type;
    b.capacity = std::max(size, content_type ? size : block_min);
    b.bytes = here_.alloc(b.capacity, b.base);
    if (!b.base) return nullptr;
    out_.push_back(std::move(b));
    return &out_.back();
}

int transport::write(const char* from, int size) {
    auto left = static_cast<uint32_t>(size);
    const char* at = from;
    const uint8_t content_type = std::exchange(content_type_, uint8_t{0});
    while (left > 0) {
        auto* b = room_for(left, content_type);
        if (!b) {
            broken_ = true;
            return -1;
        }
        const uint32_t n = std::min(left, b->capacity - b->used);
        std::memcpy(b->base + b->used, at, n);
        b->used += n;
        unsent_ += n;
        at += n;
        left -= n;
    }
    return size;
}

void transport::pass(chunk plain) {
    if (plain.empty()) return;
    block b;
    b.used = b.capacity = plain.size();
    b.bytes = std::move(plain);
    unsent_ += b.used;
    out_.push_back(std::move(b));
}

void transport::send_keys(stream to, block& keys) {
    meta_writer<weft_tls_keys> m;
    m->crypto_info = m.bytes(keys.base, keys.used);
    to.flush(m.get());
    OPENSSL_cleanse(&*m, m->m.size);
    OPENSSL_cleanse(keys.base, keys.used);
}

// The next bytes of a block, at most `room`. What is sent is never written again, nor what follows
// it.
weft_slice transport::take(block& b, uint32_t room) {
    weft_slice part = b.bytes.slice();
    part.data += b.sent;
    part.len = std::min(b.used - b.sent, room);
    b.sent += part.len;
    b.capacity = b.used;
    unsent_ -= part.len;
    return part;
}

void transport::send(stream to) {
    size_t done = 0;
    while (done < out_.size()) {
        auto& first = out_[done];
        if (first.keys) {
            send_keys(to, first);
            ++done;
            continue;
        }
        const uint32_t credit = to.credit(), padding = to.padding();
        if (credit <= padding) break;
        uint32_t room = credit - padding;
        if (first.content_type) {
            meta_writer<weft_tls_record> m;
            m->content_type = first.content_type;
            to.data(take(first, room), m.get());
            if (first.sent == first.used) ++done;
            continue;
        }
        // Many small ones are one frame.
        std::array<weft_slice, slices_per_frame> parts;
        size_t n = 0;
        while (done < out_.size() && n < parts.size() && room > 0 && !out_[done].keys &&
               !out_[done].content_type) {
            auto& b = out_[done];
            room -= (parts[n++] = take(b, room)).len;
            if (b.sent == b.used) ++done;
        }
        to.data(std::span(parts.data(), n));
    }
    out_.erase(out_.begin(), out_.begin() + static_cast<ptrdiff_t>(done));
}

void transport::drop_unsent() {
    out_.clear();
    unsent_ = 0;
}

}  // namespace weft::tls
