#include "users.hpp"

#include "limits.hpp"

#include <weft/base64.hpp>

#include <openssl/crypto.h>

namespace weft::guard_users {
namespace {

constexpr const char* wrong = "Wrong user name or password.";

// A password on its way through a thread that may block: the iterations that make a stolen file
// worth little take a millisecond and more.
class check {
public:
    check(guard_answer a, identified who, password_hash hash, bool known, std::string_view password)
        : answer_(std::move(a)),
          who_(std::move(who)),
          hash_(std::move(hash)),
          known_(known),
          password_(password) {}
    check(const check&) = delete;
    check& operator=(const check&) = delete;
    ~check() {
        OPENSSL_cleanse(password_.data(), password_.size());
        answer_.refuse("The password could not be checked.");  // unless it was answered
    }
    void work() {
        if (proves(password_, hash_) && known_)
            answer_.accept(who_);
        else
            answer_.refuse(wrong);
    }
    void done() {}

private:
    guard_answer answer_;
    const identified who_;
    const password_hash hash_;
    const bool known_;
    std::string password_;
};

struct login {
    std::string name, password;
};

// What a protocol without a user name of its own hands over: name:password, maybe in base64 as in
// HTTP (RFC 7617).
std::optional<login> split(std::string_view credentials) {
    std::string decoded;
    if (credentials.find(':') == credentials.npos) {
        auto text = from_base64(credentials, base64_alphabet::ordinary);
        if (!text) return std::nullopt;
        decoded = std::move(*text);
        credentials = decoded;
    }
    const size_t colon = credentials.find(':');
    if (colon == credentials.npos) return std::nullopt;
    return login{std::string(credentials.substr(0, colon)),
                 std::string(credentials.substr(colon + 1))};
}

}  // namespace

std::string users_guard::digest() const {
    return std::to_string(config_.passwords.fingerprint());
}

identified users_guard::who_is(const std::string& name) const {
    identified who;
    who.identity = name;
    who.roles = config_.roles;
    if (const auto it = config_.users.find(name); it != config_.users.end()) {
        who.roles.insert(who.roles.end(), it->second.roles.begin(), it->second.roles.end());
        who.attributes = it->second.attributes;
    }
    return who;
}

void users_guard::verify(worker asker, const weft_guard_request& q, guard_answer answer) {
    const auto given = text_of(q.credentials);
    if (given.size() > limits::password_bytes_max) return answer.refuse(wrong);
    auto who = q.username ? std::optional(login{q.username, std::string(given)}) : split(given);
    if (!who) return answer.refuse(wrong);
    bool known = false;
    auto hash = config_.passwords.find(who->name, known);
    auto task = std::make_unique<check>(std::move(answer), who_is(who->name), std::move(hash),
                                        known, who->password);
    OPENSSL_cleanse(who->password.data(), who->password.size());
    if (services.tasks)
        asker.run(std::move(task));
    else
        task->work();
}

}  // namespace weft::guard_users
