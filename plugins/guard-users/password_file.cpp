#include "password_file.hpp"

#include "limits.hpp"

#include <weft/hash.hpp>

#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

namespace weft::guard_users {

password_file password_file::load(const std::string& path, const std::string& file) {
    std::ifstream in(path, std::ios::binary | std::ios::ate);
    if (!in) throw std::runtime_error(file + ": cannot be read");
    if (const auto size = in.tellg();
        size < 0 || static_cast<uint64_t>(size) > limits::file_bytes_max)
        throw std::runtime_error(file + ": is larger than 64 MiB");
    in.seekg(0);
    std::ostringstream text;
    // An empty file is not an error of the stream, but of its content.
    if (in.peek() != std::ifstream::traits_type::eof()) text << in.rdbuf();
    if (in.bad() || !text) throw std::runtime_error(file + ": cannot be read");
    return parse(text.view(), file);
}

password_file password_file::parse(std::string_view text, const std::string& file) {
    password_file out;
    out.fingerprint_ = fnv1a_64(text);
    size_t number = 0;
    const auto refuse = [&](const std::string& why) {
        throw std::runtime_error(file + ":" + std::to_string(number) + ": " + why);
    };
    while (!text.empty()) {
        const size_t end = std::min(text.find('\n'), text.size());
        auto line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        ++number;
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.empty() || line.front() == '#') continue;
        const size_t colon = line.find(':');
        if (colon == line.npos || colon == 0) refuse("not name:password");
        const std::string name(line.substr(0, colon));
        if (name.find('\0') != name.npos) refuse("the name has a NUL in it");
        password_hash hash;
        if (const char* why = read_hash(line.substr(colon + 1), hash)) refuse(why);
        if (!out.users_.emplace(name, std::move(hash)).second)
            refuse("'" + name + "' is there already");
    }
    if (out.users_.empty()) throw std::runtime_error(file + ": nobody is in it");
    return out;
}

password_hash password_file::find(std::string_view name, bool& known) const {
    const auto it = users_.find(name);
    known = it != users_.end();
    if (known) return it->second;
    // Always like the same real one for a name, so that asking twice tells nothing.
    auto like = users_.begin();
    std::advance(like,
                 static_cast<std::ptrdiff_t>(fnv1a_64(name) % std::min<size_t>(users_.size(), 16)));
    password_hash decoy = like->second;
    decoy.digest.assign(decoy.digest.size(), '\0');
    return decoy;
}

}  // namespace weft::guard_users
