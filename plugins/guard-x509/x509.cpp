#include "x509.hpp"

namespace weft::guard_x509 {

void x509_guard::verify(worker asker, const weft_guard_request& q, guard_answer answer) {
    certificate shown;
    auto why = read_certificate(text_of(q.credentials), shown);
    // The certificate itself is not passed on: it proves nothing without its key.
    identified who;
    if (why.empty()) why = judge(policy_, shown, asker.wall_ms(), who);
    if (!why.empty()) return answer.refuse(why);
    answer.accept(who);
}

}  // namespace weft::guard_x509
