#include "auth/password_file.hpp"

#include "limits.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace weft::mqtt {

namespace {

// Cuts `text` at the first `mark`; false when there is none.
bool cut(std::string_view& text, char mark, std::string_view& front) {
    const size_t at = text.find(mark);
    if (at == text.npos) return false;
    front = text.substr(0, at);
    text.remove_prefix(at + 1);
    return true;
}

bool read_key(std::string_view text, digest& key) {
    const auto raw = from_base64(text);
    if (!raw || raw->size() != key.size()) return false;
    std::memcpy(key.data(), raw->data(), key.size());
    return true;
}

// What is wrong with it, or null.
const char* read_credential(std::string_view text, credential& c) {
    std::string_view scheme, iterations, salt, stored;
    if (!cut(text, '$', scheme) || scheme != "SCRAM-SHA-256") return "not SCRAM-SHA-256$...";
    if (!cut(text, ':', iterations) || !cut(text, '$', salt) || !cut(text, ':', stored))
        return "not <iterations>:<salt>$<StoredKey>:<ServerKey>";
    const auto [end, error] =
        std::from_chars(iterations.data(), iterations.data() + iterations.size(), c.iterations);
    if (error != std::errc{} || end != iterations.data() + iterations.size() ||
        c.iterations < limits::scram_iterations_min || c.iterations > limits::scram_iterations_max)
        return "the number of iterations is out of range";
    const auto raw = from_base64(salt);
    if (!raw || raw->empty()) return "the salt is not base64";
    c.salt = *raw;
    if (!read_key(stored, c.stored_key) || !read_key(text, c.server_key))
        return "a key is not 32 bytes of base64";
    return nullptr;
}

}  // namespace

password_file password_file::load(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::stringstream text;
    if (!in || !(text << in.rdbuf())) throw std::runtime_error("cannot read " + path);
    return parse(text.str());
}

password_file password_file::parse(std::string_view text) {
    password_file f;
    for (size_t number = 1; !text.empty(); ++number) {
        std::string_view line;
        if (!cut(text, '\n', line)) line = std::exchange(text, {});
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.empty() || line.front() == '#') continue;
        const auto refuse = [&](const char* what) {
            throw std::runtime_error("line " + std::to_string(number) + ": " + what);
        };
        std::string_view name;
        credential c;
        if (!cut(line, ':', name) || name.empty()) refuse("no name");
        if (const char* what = read_credential(line, c)) refuse(what);
        if (!f.users_.emplace(name, std::move(c)).second) refuse("the name is there already");
    }
    return f;
}

credential password_file::find(std::string_view name, bool& known) const {
    const auto it = users_.find(name);
    known = it != users_.end();
    if (known) return it->second;
    credential c;
    const digest d = hmac_sha256(decoy_key_, name);
    c.salt = as_view(d).substr(0, 16);
    c.iterations = limits::scram_iterations_min;
    c.stored_key = hmac_sha256(decoy_key_, std::string(name) + "\n");  // no password leads here
    return c;
}

bool password_file::proves(std::string_view password, const credential& c) {
    const digest salted = pbkdf2_sha256(password, c.salt, c.iterations);
    return equal(sha256(as_view(hmac_sha256(as_view(salted), "Client Key"))), c.stored_key);
}

}  // namespace weft::mqtt
