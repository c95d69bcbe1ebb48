#include "key_set.hpp"

#include "json.hpp"
#include "limits.hpp"

#include <algorithm>
#include <stdexcept>

namespace weft::guard_jwt {

bool key_set::has_symmetric() const {
    return std::any_of(keys_.begin(), keys_.end(),
                       [](const key& k) { return k.is == family::oct; });
}

const key* key_set::find(std::string_view id, const algorithm& a) const {
    const key* found = nullptr;
    for (const auto& k : keys_) {
        if (!k.fits(a) || !(id.empty() || k.id.empty() || k.id == id)) continue;
        if (!id.empty() && k.id == id) return &k;
        if (found) return nullptr;
        found = &k;
    }
    return found;
}

key_set read_key_set(std::string_view text, bool symmetric) {
    const auto parsed = parse_json(text);
    if (!parsed) throw std::runtime_error("it is no JSON");
    const auto keys = parsed->is_object() ? parsed->find("keys") : parsed->end();
    const bool single = parsed->is_object() && keys == parsed->end() && parsed->contains("kty");
    if (!single && (keys == parsed->end() || !keys->is_array()))
        throw std::runtime_error("it has no list 'keys'");
    key_set out;
    std::string why;
    const auto add = [&](const nlohmann::json& jwk) {
        try {
            key k = read_jwk(jwk);
            if (k.is == family::oct && !symmetric)
                throw std::runtime_error("symmetric keys are not accepted from there");
            out.add(std::move(k));
        } catch (const std::runtime_error& e) {
            if (why.empty()) why = e.what();
        }
    };
    if (single) {
        add(*parsed);
    } else {
        if (keys->size() > limits::keys_max)
            throw std::runtime_error("it has more than " + std::to_string(limits::keys_max) +
                                     " keys");
        for (const auto& jwk : *keys) add(jwk);
    }
    if (out.size() == 0)
        throw std::runtime_error("no key in it can be used" + (why.empty() ? "" : ": " + why));
    return out;
}

}  // namespace weft::guard_jwt
