#include "config/model.hpp"

#include <algorithm>
#include <utility>

namespace weft::config {

namespace {

// "/routes/0/when" to ".routes[0].when".
std::string dotted(const std::string& pointer) {
    std::string out;
    size_t begin = 0;
    while (begin < pointer.size()) {
        const size_t end = std::min(pointer.find('/', begin + 1), pointer.size());
        std::string token = pointer.substr(begin + 1, end - begin - 1);
        for (size_t at = 0; (at = token.find('~', at)) != std::string::npos; ++at) {
            if (token.compare(at, 2, "~1") == 0) token.replace(at, 2, "/");
            if (token.compare(at, 2, "~0") == 0) token.replace(at, 2, "~");
        }
        const bool index = !token.empty() && std::all_of(token.begin(), token.end(), [](char c) {
            return c >= '0' && c <= '9';
        });
        out += index ? "[" + token + "]" : "." + token;
        begin = end;
    }
    return out;
}

}  // namespace

std::string to_string(const problem& p) {
    std::string out = p.where.file;
    if (p.where.line > 0)
        out += ":" + std::to_string(p.where.line) + ":" + std::to_string(p.where.column);
    if (!out.empty()) out += ": ";
    if (!p.path.empty()) out += p.path + ": ";
    return out + p.text;
}

location entity::place(std::string pointer) const {
    for (;;) {
        if (const auto it = places.find(pointer); it != places.end()) return it->second;
        const auto slash = pointer.rfind('/');
        if (pointer.empty() || slash == std::string::npos) return where;
        pointer.resize(slash);
    }
}

problem entity::problem_at(const std::string& pointer, std::string text) const {
    return {place(pointer), path + (pointer.starts_with('/') ? dotted(pointer) : std::string()),
            std::move(text)};
}

}  // namespace weft::config
