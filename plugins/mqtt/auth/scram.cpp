#include "auth/scram.hpp"

#include "limits.hpp"
#include "reader.hpp"
#include "utf8.hpp"

#include <algorithm>

namespace weft::mqtt {

namespace {

// The attribute `name`= at the front of `text`, up to the comma, which goes as well.
bool take_attribute(std::string_view& text, char name, std::string_view& value) {
    if (text.size() < 2 || text[0] != name || text[1] != '=') return false;
    const size_t comma = std::min(text.find(','), text.size());
    value = text.substr(2, comma - 2);
    text.remove_prefix(std::min(comma + 1, text.size()));
    return true;
}

// saslname: =2C is a comma, =3D an equals sign, no other = is allowed.
bool decode_name(std::string_view text, std::string& name) {
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '=') {
            name += text[i];
            continue;
        }
        const std::string_view code = text.substr(i, 3);
        if (code != "=2C" && code != "=3D") return false;
        name += code == "=2C" ? ',' : '=';
        i += 2;
    }
    return !name.empty() && is_mqtt_string(as_bytes(name));
}

bool printable(std::string_view nonce) {
    for (char c : nonce)
        if (c < 0x21 || c > 0x7e) return false;  // a comma has been cut at
    return !nonce.empty();
}

class exchange final : public auth_exchange {
public:
    exchange(const password_file& users, std::string nonce)
        : users_(users), server_nonce_(std::move(nonce)) {}

    verdict next(std::string_view in, std::string& out) override {
        if (in.size() > limits::auth_data_bytes_max) return verdict::failure;
        switch (step_) {
            case step::first:
                // A client may name the method in CONNECT and begin with its first AUTH.
                if (in.empty() && !asked_) return asked_ = true, verdict::more;
                return on_first(in, out) ? verdict::more : verdict::failure;
            case step::final:
                step_ = step::over;
                return on_final(in, out) ? verdict::success : verdict::failure;
            default:
                return verdict::failure;
        }
    }
    std::string_view identity() const override { return name_; }

private:
    enum class step : uint8_t { first, final, over };

    bool on_first(std::string_view in, std::string& out) {
        step_ = step::over;
        const std::string_view whole = in;
        if (!in.starts_with("n,") && !in.starts_with("y,")) return false;  // p=: channel binding
        in.remove_prefix(2);
        std::string authorization;
        if (std::string_view a; take_attribute(in, 'a', a)) {
            if (!decode_name(a, authorization)) return false;
        } else {
            if (!in.starts_with(',')) return false;
            in.remove_prefix(1);
        }
        gs2_header_ = whole.substr(0, whole.size() - in.size());
        first_bare_ = in;
        std::string_view name, nonce;
        if (!take_attribute(in, 'n', name) || !take_attribute(in, 'r', nonce)) return false;
        if (!decode_name(name, name_) || !printable(nonce)) return false;
        if (!authorization.empty() && authorization != name_) return false;  // to act as another

        credential_ = users_.find(name_, known_);
        nonce_ = std::string(nonce) + server_nonce_;
        server_first_ = "r=" + nonce_ + ",s=" + to_base64(credential_.salt) +
                        ",i=" + std::to_string(credential_.iterations);
        out = server_first_;
        step_ = step::final;
        return true;
    }

    bool on_final(std::string_view in, std::string& out) {
        const size_t proof_at = in.rfind(",p=");
        if (proof_at == in.npos) return false;
        const std::string_view without_proof = in.substr(0, proof_at);
        const auto proof = from_base64(in.substr(proof_at + 3));
        std::string_view binding, nonce;
        if (!take_attribute(in, 'c', binding) || !take_attribute(in, 'r', nonce)) return false;
        if (from_base64(binding) != gs2_header_ || nonce != nonce_) return false;
        if (!proof || proof->size() != sizeof(digest)) return false;

        const std::string message =
            first_bare_ + "," + server_first_ + "," + std::string(without_proof);
        const digest signature = hmac_sha256(as_view(credential_.stored_key), message);
        std::string client_key(sizeof(digest), '\0');
        for (size_t i = 0; i < client_key.size(); ++i)
            client_key[i] = static_cast<char>(static_cast<uint8_t>((*proof)[i]) ^ signature[i]);
        if (!equal(sha256(client_key), credential_.stored_key) || !known_) return false;
        out = "v=" + to_base64(as_view(hmac_sha256(as_view(credential_.server_key), message)));
        return true;
    }

    const password_file& users_;
    const std::string server_nonce_;
    std::string gs2_header_, first_bare_, server_first_, nonce_, name_;
    credential credential_;
    step step_ = step::first;
    bool asked_ = false, known_ = false;
};

}  // namespace

std::unique_ptr<auth_exchange> scram_sha_256::begin() const {
    return std::make_unique<exchange>(users_,
                                      nonce_.empty() ? to_base64(random_bytes(18)) : nonce_);
}

}  // namespace weft::mqtt
