// Heads of answers: the ones that this binding gives itself, and those that an exit gives.
#pragma once

#include <weft/meta.hpp>

#include <string>
#include <string_view>

namespace weft::http {

const char* reason_phrase(int status);

// A whole answer with a line of text for a person.
// `challenge`: of a 401, how to authenticate (RFC 9110, 11.6.1).
std::string own_answer(int status, std::string_view text, bool keep_alive,
                       std::string_view challenge = {});

// The status in the head that an exit gave; 0 when it is none.
int status_of(const meta_view<weft_http_begin>& head);

// That head as bytes, ending in the empty line: an upgrade for 101, else an answer whose body ends
// with the connection. Empty when the exit gave something that would not be one head (a line break
// in a value, a name that is none).
std::string answer_head(const meta_view<weft_http_begin>& head, std::string_view upgrade);

}  // namespace weft::http
