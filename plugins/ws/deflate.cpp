#include "deflate.hpp"

namespace weft::ws {
namespace {

constexpr std::array<uint8_t, deflate_tail> tail{0x00, 0x00, 0xff, 0xff};

void give(z_stream& z, bytes in, std::span<uint8_t> out) {
    z.next_in = const_cast<Bytef*>(in.data());  // zlib does not write there
    z.avail_in = static_cast<uInt>(in.size());
    z.next_out = out.data();
    z.avail_out = static_cast<uInt>(out.size());
}

}  // namespace

bool inflater::begin() {
    if (z_) return true;
    auto z = std::make_unique<z_stream>();
    if (inflateInit2(z.get(), -bits_) != Z_OK) return false;
    z_.reset(z.release());
    return true;
}

deflated inflater::step(bytes in, std::span<uint8_t> out) {
    deflated d;
    if (!begin()) {
        d.failed = true;
        return d;
    }
    give(*z_, in, out);
    int rc = Z_OK;
    // A message may end its deflate stream and begin another (7.2.3.4).
    while ((rc = inflate(z_.get(), Z_SYNC_FLUSH)) == Z_STREAM_END) {
        if (inflateReset(z_.get()) != Z_OK) break;
        if (z_->avail_in == 0 || z_->avail_out == 0) break;
    }
    d.used = in.size() - z_->avail_in;
    d.made = out.size() - z_->avail_out;
    d.failed = rc != Z_OK && rc != Z_BUF_ERROR && rc != Z_STREAM_END;
    d.more = more_ = z_->avail_out == 0;
    return d;
}

deflated inflater::finish(std::span<uint8_t> out) {
    auto d = step(bytes(tail).subspan(tail_at_), out);
    tail_at_ = static_cast<uint8_t>(tail_at_ + d.used);
    if (tail_at_ < tail.size()) d.more = !d.failed;
    if (d.more) return d;
    tail_at_ = 0;
    more_ = false;
    if (!takeover_) z_.reset();
    return d;
}

bool deflater::begin() {
    if (z_) return true;
    auto z = std::make_unique<z_stream>();
    if (deflateInit2(z.get(), level_, Z_DEFLATED, -bits_, memory_, Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    z_.reset(z.release());
    return true;
}

deflated deflater::step(bytes in, std::span<uint8_t> out, bool last) {
    deflated d;
    if (!begin()) {
        d.failed = true;
        return d;
    }
    give(*z_, in, out);
    const int rc = deflate(z_.get(), last ? Z_SYNC_FLUSH : Z_NO_FLUSH);
    d.used = in.size() - z_->avail_in;
    d.made = out.size() - z_->avail_out;
    d.failed = rc != Z_OK && rc != Z_BUF_ERROR;
    d.more = z_->avail_out == 0;
    return d;
}

void deflater::finish() {
    if (!takeover_) z_.reset();
}

}  // namespace weft::ws
