// Which address of a destination to try when (RFC 8305), without sockets or clock: the caller tells
// what happened and at what time, and is told what to do.
//
//   happy_eyeballs race(addresses, now);
//   while (auto i = race.next(now)) start connecting to race.address(*i), call failed(*i, errno) or
//   stop at the first success race.wake_at(): when to ask next() again; race.lost(): nothing is
//   left to try or to wait for
#pragma once

#include "address.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace weft::tcp {

class happy_eyeballs {
public:
    // `addresses` in the resolver's order of preference (RFC 6724); families are interleaved here
    // (RFC 8305, section 4, with First Address Family Count 1). At most
    // `limits::connect_addresses_max` are used.
    explicit happy_eyeballs(const std::vector<socket_address>& addresses);

    // The attempt to start now, if one is due. Call until it returns nothing.
    std::optional<size_t> next(uint64_t now_ns);
    // An attempt ended; the next one is due at once (section 5).
    void failed(size_t attempt, int error);

    // When next() has another attempt to start; nothing while there is none left.
    std::optional<uint64_t> wake_at() const;
    bool lost() const { return started_ == addresses_.size() && running_ == 0; }
    // The error that tells most: not "no route" of a family this machine does not have, when
    // another address answered.
    int error() const { return error_; }

    const socket_address& address(size_t attempt) const { return addresses_[attempt]; }
    size_t size() const { return addresses_.size(); }

private:
    std::vector<socket_address> addresses_;
    size_t started_ = 0, running_ = 0;
    uint64_t due_ns_ = 0;
    int error_ = 0;
};

}  // namespace weft::tcp
