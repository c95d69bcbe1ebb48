// Every bound of the http binding, with its reason.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weft::http {

// What a peer may send before the end of its request's head: the credit that it gets for it. 431.
inline constexpr uint32_t head_size_max = 32 * 1024;
// Of these, the request line: RFC 9112, 3 recommends at least 8000. 414.
inline constexpr size_t request_line_max = 8 * 1024;
// Fields of one head; more is no browser. 431.
inline constexpr size_t field_count_max = 100;
// Empty lines before a request, which RFC 9112, 2.2 lets a server ignore.
inline constexpr size_t empty_lines_max = 1;

// From the first byte of a head to its last (zilla.binding.http.head.timeout.ms). 408.
inline constexpr int64_t head_timeout_ms = 10'000;
// A connection between two requests, or before the first (zilla.binding.http.idle.timeout.ms).
inline constexpr int64_t idle_timeout_ms = 30'000;
// What the exit may take to answer (zilla.binding.http.answer.timeout.ms). 504.
inline constexpr int64_t answer_timeout_ms = 30'000;
// After the end of an authorization: for the binding above to say goodbye in its own words.
inline constexpr uint64_t expiry_grace_ms = 5'000;
// That end is looked at again after this long, however far away it is: the wall clock that it is
// measured by may have been set meanwhile.
inline constexpr uint64_t expiry_look_ms = 3'600'000;
// What the two ends of a tunnel that is given up may take to say goodbye to each other.
inline constexpr uint64_t goodbye_timeout_ms = 5'000;
inline constexpr int64_t timeout_ms_max = 24 * 3600 * 1000;

// Head of an answer that an exit may give, so that a faulty one cannot fill a connection.
inline constexpr size_t answer_head_max = 32 * 1024;

}  // namespace weft::http
