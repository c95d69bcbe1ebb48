#include "transport.hpp"

#include <algorithm>
#include <cstring>

namespace weft::tls {
namespace {

// Blocks hold what one turn writes: a record, or the messages of a handshake.
constexpr uint32_t block_min = 2 * 1024;

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
            BIO_meth_set_ctrl(m, [](BIO*, int what, long, void*) -> long {
                return what == BIO_CTRL_FLUSH || what == BIO_CTRL_DUP;
            });
        }
        ~owner() { BIO_meth_free(m); }
        BIO_METHOD* m;
    } mine;
    return mine.m;
}

bool transport::serve(SSL* s) {
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

int transport::write(const char* from, int size) {
    auto left = static_cast<uint32_t>(size);
    const char* at = from;
    while (left > 0) {
        if (out_.empty() || out_.back().used == out_.back().capacity) {
            block b;
            b.capacity = std::max(left, block_min);
            b.bytes = here_.alloc(b.capacity, b.base);
            if (!b.base) {
                broken_ = true;
                return -1;
            }
            out_.push_back(std::move(b));
        }
        auto& b = out_.back();
        const uint32_t n = std::min(left, b.capacity - b.used);
        std::memcpy(b.base + b.used, at, n);
        b.used += n;
        unsent_ += n;
        at += n;
        left -= n;
    }
    return size;
}

void transport::send(stream to) {
    size_t done = 0;
    for (; done < out_.size(); ++done) {
        auto& b = out_[done];
        const uint32_t credit = to.credit(), padding = to.padding();
        if (credit <= padding) break;
        const uint32_t n = std::min(b.used - b.sent, credit - padding);
        weft_slice part = b.bytes.slice();
        part.data += b.sent;
        part.len = n;
        to.data(part);
        b.sent += n;
        unsent_ -= n;
        b.capacity = b.used;  // what is sent is never written again, nor what follows it
        if (b.sent < b.used) break;
    }
    out_.erase(out_.begin(), out_.begin() + static_cast<ptrdiff_t>(done));
}

void transport::drop_unsent() {
    out_.clear();
    unsent_ = 0;
}

}  // namespace weft::tls
