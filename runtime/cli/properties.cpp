#include "cli/properties.hpp"

#include "config/suggest.hpp"

#include <charconv>
#include <cmath>
#include <fstream>
#include <sstream>

namespace weft::cli {

namespace {

std::string normalised(const std::string& name) {
    return name.starts_with("weft.") ? "zilla." + name.substr(5) : name;
}

bool blank(char c) {
    return c == ' ' || c == '\t' || c == '\f';
}

// One logical line of a properties file: lines that end in an odd number of backslashes go on in
// the next.
bool logical_line(std::istream& in, std::string& out) {
    out.clear();
    std::string line;
    bool any = false;
    while (std::getline(in, line)) {
        any = true;
        if (line.ends_with('\r')) line.pop_back();
        const size_t first = line.find_first_not_of(" \t\f");
        line.erase(0, first == std::string::npos ? line.size() : first);
        if (out.empty() && (line.starts_with('#') || line.starts_with('!'))) return true;
        size_t slashes = 0;
        while (slashes < line.size() && line[line.size() - 1 - slashes] == '\\') ++slashes;
        if (slashes % 2 == 0) {
            out += line;
            return true;
        }
        line.pop_back();
        out += line;
    }
    return any;
}

void append_utf8(std::string& out, uint32_t c) {
    if (c < 0x80) {
        out += static_cast<char>(c);
    } else if (c < 0x800) {
        out += static_cast<char>(0xC0u | (c >> 6));
        out += static_cast<char>(0x80u | (c & 0x3Fu));
    } else {
        out += static_cast<char>(0xE0u | (c >> 12));
        out += static_cast<char>(0x80u | ((c >> 6) & 0x3Fu));
        out += static_cast<char>(0x80u | (c & 0x3Fu));
    }
}

std::string unescaped(std::string_view s) {
    std::string out;
    for (size_t i = 0; i < s.size(); ++i) {
        if (s[i] != '\\' || i + 1 == s.size()) {
            out += s[i];
            continue;
        }
        const char c = s[++i];
        uint32_t code = 0;
        if (c == 'u' && i + 4 < s.size() &&
            std::from_chars(s.data() + i + 1, s.data() + i + 5, code, 16).ptr == s.data() + i + 5) {
            append_utf8(out, code);
            i += 4;
        } else {
            out += c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c == 'f' ? '\f' : c;
        }
    }
    return out;
}

[[noreturn]] void refuse(const std::string& name, const std::string& value,
                         const std::string& what) {
    throw usage_error("property " + name + ": " + config::in_quotes(value) + " is not " + what);
}

}  // namespace

void properties::set(const std::string& name, const std::string& value) {
    values_[normalised(name)] = value;
}

void properties::set(const std::string& argument) {
    const auto equals = argument.find('=');
    if (argument.empty() || equals == 0)
        throw usage_error("-P " + argument + ": expected name=value");
    if (equals == std::string::npos) return set(argument, "true");
    set(argument.substr(0, equals), argument.substr(equals + 1));
}

void properties::read_file(const std::string& path) {
    std::ifstream in(path);
    std::stringstream text;
    if (!in || !(text << in.rdbuf()) || in.bad())
        throw usage_error(path + ": the properties file cannot be read");
    read_text(text.str());
}

void properties::read_text(const std::string& text) {
    std::istringstream in(text);
    std::string line;
    while (logical_line(in, line)) {
        size_t end = 0;  // of the name: the first =, : or space that is not escaped
        while (end < line.size() && line[end] != '=' && line[end] != ':' && !blank(line[end]))
            end += line[end] == '\\' ? 2 : 1;
        end = std::min(end, line.size());
        if (end == 0) continue;
        size_t value = end;
        while (value < line.size() && blank(line[value])) ++value;
        if (value < line.size() && (line[value] == '=' || line[value] == ':')) ++value;
        while (value < line.size() && blank(line[value])) ++value;
        set(unescaped(std::string_view(line).substr(0, end)),
            unescaped(std::string_view(line).substr(value)));
    }
}

std::string properties::text(const std::string& name, const std::string& fallback) const {
    const auto it = values_.find(name);
    return it == values_.end() ? fallback : it->second;
}

bool properties::flag(const std::string& name, bool fallback) const {
    const auto it = values_.find(name);
    if (it == values_.end()) return fallback;
    if (it->second == "true") return true;
    if (it->second == "false") return false;
    refuse(name, it->second, "true or false");
}

uint32_t properties::number(const std::string& name, uint32_t fallback, uint32_t min,
                            uint32_t max) const {
    const auto it = values_.find(name);
    if (it == values_.end()) return fallback;
    const std::string& s = it->second;
    uint32_t value = 0;
    const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), value);
    if (error != std::errc() || end != s.data() + s.size() || value < min || value > max) {
        refuse(name, s, "a number from " + std::to_string(min) + " to " + std::to_string(max));
    }
    return value;
}

std::chrono::milliseconds properties::duration(const std::string& name,
                                               std::chrono::milliseconds fallback) const {
    const auto it = values_.find(name);
    if (it == values_.end()) return fallback;
    try {
        return parse_duration(it->second);
    } catch (const usage_error&) {
        refuse(name, it->second, "a duration such as PT5S");
    }
}

std::vector<std::string> properties::complaints() const {
    std::vector<std::string> out;
    for (const auto& [name, value] : values_) {
        if (!known_property(name))
            out.push_back("unknown property " + config::in_quotes(name) +
                          config::did_you_mean(name, known_properties()) + " (it has no effect)");
    }
    return out;
}

std::map<std::string, std::string> properties::for_engine() const {
    std::map<std::string, std::string> out = values_;
    for (const auto& [name, value] : values_) {
        if (name.starts_with("zilla.")) out["weft." + name.substr(6)] = value;
    }
    return out;
}

std::chrono::milliseconds parse_duration(const std::string& text) {
    const auto bad = [&]() -> usage_error {
        return usage_error(config::in_quotes(text) + " is not a duration such as PT5S");
    };
    const bool iso = text.starts_with('P');
    size_t at = iso ? 1 : 0;
    bool time = !iso;
    double total_ms = 0;
    int parts = 0;
    while (at < text.size()) {
        if (iso && !time && text[at] == 'T') {
            time = true;
            ++at;
            continue;
        }
        double value = 0;
        const auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(),
                                                  value, std::chars_format::fixed);
        if (error != std::errc() || value < 0) throw bad();
        at = static_cast<size_t>(end - text.data());
        // One letter in ISO 8601, where "T" may follow at once.
        const size_t letters = iso ? std::min(at + 1, text.size())
                                   : std::min(text.find_first_of("0123456789.", at), text.size());
        const std::string unit = text.substr(at, letters - at);
        at = letters;
        double ms = 0;
        if (iso && !time && unit == "D") ms = 86'400'000;
        if (time && (unit == "H" || unit == "h")) ms = 3'600'000;
        if (time && (unit == "M" || unit == "m")) ms = 60'000;
        if (time && (unit == "S" || unit == "s")) ms = 1000;
        if (!iso && unit == "ms") ms = 1;
        if (ms == 0) throw bad();
        total_ms += value * ms;
        ++parts;
    }
    constexpr double longest_ms = 1e12;  // 30 years
    if (parts == 0 || total_ms > longest_ms) throw bad();
    return std::chrono::milliseconds(std::llround(total_ms));
}

}  // namespace weft::cli
