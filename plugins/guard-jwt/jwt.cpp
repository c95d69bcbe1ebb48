#include "jwt.hpp"

#include "signature.hpp"
#include "token.hpp"

#include <algorithm>

namespace weft::guard_jwt {
namespace {

constexpr const char* no_key = "Invalid alg or key.";

// Of a token that nobody has vouched for yet, in a line for people.
std::string shown_identity(const nlohmann::json& claims, const std::string& claim) {
    if (!claims.is_object()) return {};
    const auto it = claims.find(claim);
    if (it == claims.end() || !it->is_string()) return {};
    auto text = it->get<std::string>();
    if (text.size() > limits::shown_identity_bytes_max) {
        size_t end = limits::shown_identity_bytes_max;
        while (end > 0 && (static_cast<uint8_t>(text[end]) & 0xc0) == 0x80) --end;  // UTF-8
        text.resize(end);
    }
    std::replace_if(
        text.begin(), text.end(),
        [](char c) { return static_cast<uint8_t>(c) < 0x20 || c == 0x7f; }, ' ');
    return text;
}

}  // namespace

jwt_guard::jwt_guard(jwt_options o, std::unique_ptr<key_source> keys)
    : options_(std::move(o)), keys_(std::move(keys)) {}

void jwt_guard::verify(worker asker, const weft_guard_request& q, guard_answer answer) {
    question at_once{asker, std::string(text_of(q.credentials)), std::move(answer)};
    if (judge_now(at_once, false)) return;
    // Shared: a std::function can be copied, though nobody does.
    auto later = std::make_shared<question>(std::move(at_once));
    if (!keys_->renew([this, later] { judge_now(*later, true); })) judge_now(*later, true);
}

// False: the key is not there, and could come (never when it is final).
bool jwt_guard::judge_now(question& q, bool final) {
    token t;
    if (q.text.empty()) return refuse(q, {}, "Missing credentials."), true;
    if (const char* why = read_token(q.text, t)) return refuse(q, {}, why), true;
    const auto keys = keys_->keys();
    const key* k = keys && t.alg ? keys->find(t.key_id, *t.alg) : nullptr;
    if (!k && t.alg && !final) return false;
    if (!k) return refuse(q, t.claims, keys ? no_key : "The keys could not be read."), true;
    if (!verifies(*t.alg, *k, t.signed_, t.signature))
        return refuse(q, t.claims, "Unable to verify key signature."), true;
    identified who;
    if (const char* why = judge(options_.rules, t.claims, q.asker.wall_ms(), who))
        return refuse(q, t.claims, why), true;
    who.credentials = q.text;
    q.answer.accept(who);
    return true;
}

void jwt_guard::refuse(question& q, const nlohmann::json& claims, const char* why) {
    {
        const std::lock_guard lock(mutex_);
        events_.emit(q.asker, WEFT_WARN, "guard.jwt.authorization.failed", [&] {
            return "JWT token authorization failed for identity (" +
                   shown_identity(claims, options_.rules.identity) + "). " + why;
        });
    }
    q.answer.refuse(why);
}

}  // namespace weft::guard_jwt
