#include "happy_eyeballs.hpp"

#include "limits.hpp"

#include <cerrno>

namespace weft::tcp {

namespace {

// Errors of this machine's own making, less telling than an answer from the network.
bool is_local(int error) {
    return error == 0 || error == ENETUNREACH || error == EADDRNOTAVAIL || error == EAFNOSUPPORT;
}

std::vector<socket_address> interleave(const std::vector<socket_address>& in) {
    std::vector<socket_address> out, same, other;
    for (const auto& a : in) (a.family() == in.front().family() ? same : other).push_back(a);
    for (size_t i = 0; i < same.size() || i < other.size(); ++i) {
        if (i < same.size()) out.push_back(same[i]);
        if (i < other.size()) out.push_back(other[i]);
    }
    if (out.size() > limits::connect_addresses_max) out.resize(limits::connect_addresses_max);
    return out;
}

}  // namespace

happy_eyeballs::happy_eyeballs(const std::vector<socket_address>& addresses)
    : addresses_(interleave(addresses)) {}

std::optional<size_t> happy_eyeballs::next(uint64_t now_ns) {
    if (started_ == addresses_.size()) return {};
    if (running_ > 0 && now_ns < due_ns_) return {};
    due_ns_ = now_ns + limits::connect_stagger_ms * 1'000'000;
    ++running_;
    return started_++;
}

void happy_eyeballs::failed(size_t, int error) {
    --running_;
    due_ns_ = 0;
    if (is_local(error_) || !is_local(error)) error_ = error;
}

std::optional<uint64_t> happy_eyeballs::wake_at() const {
    if (started_ == addresses_.size()) return {};
    return due_ns_;
}

}  // namespace weft::tcp
