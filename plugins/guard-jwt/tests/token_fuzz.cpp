// Whatever is sent as a token, or published as a key set: it is read or refused, and no token that
// the key has not signed is let in.
#include "claims.hpp"
#include "key_set.hpp"
#include "signature.hpp"
#include "token.hpp"

#include <cstdlib>
#include <stdexcept>

using namespace weft::guard_jwt;

namespace {

const key_set& keys() {
    static const key_set made = read_key_set(
        R"({"keys":[{"kty":"EC","crv":"P-256","kid":"1",
            "x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
            "y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"},
           {"kty":"OKP","crv":"Ed25519","kid":"2","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]})",
        false);
    return made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    try {
        static_cast<void>(read_key_set(text, true));
    } catch (const std::runtime_error&) {
        static_cast<void>(size);  // refused, as most is
    }
    token t;
    if (read_token(text, t)) return 0;
    policy p;
    p.roles = "a.b";
    p.attributes = {{"x", "c.d"}};
    weft::identified who;
    static_cast<void>(judge(p, t.claims, 1'700'000'000'000, who));
    const auto* k = t.alg ? keys().find(t.key_id, *t.alg) : nullptr;
    if (k && verifies(*t.alg, *k, t.signed_, t.signature)) std::abort();
    return 0;
}
