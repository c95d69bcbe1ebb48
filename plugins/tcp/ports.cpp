#include "ports.hpp"

#include <weft/config.hpp>

#include <algorithm>
#include <charconv>
#include <string_view>

namespace weft::tcp {

namespace {

[[noreturn]] void refuse(const std::string& path, const std::string& what) {
    throw config_error(
        path,
        what + " is not a port: use a number from 1 to 65535, or a range such as \"8000-8010\"");
}

uint16_t number(std::string_view text, const std::string& path, const std::string& whole) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < 1 || value > 65535)
        refuse(path, "'" + whole + "'");
    return static_cast<uint16_t>(value);
}

void add_item(port_set& out, const nlohmann::json& item, const std::string& path) {
    if (item.is_number_integer()) {
        const auto value = item.get<int64_t>();
        if (value < 1 || value > 65535) refuse(path, std::to_string(value));
        out.add(static_cast<uint16_t>(value), static_cast<uint16_t>(value));
        return;
    }
    if (!item.is_string()) refuse(path, item.dump());
    const auto text = item.get<std::string>();
    const auto dash = text.find('-');
    const auto first = number(std::string_view(text).substr(0, dash), path, text);
    const auto last = dash == std::string::npos
                          ? first
                          : number(std::string_view(text).substr(dash + 1), path, text);
    if (last < first) refuse(path, "'" + text + "'");
    out.add(first, last);
}

}  // namespace

port_set port_set::parse(const nlohmann::json& value, const std::string& path) {
    port_set out;
    if (value.is_array()) {
        for (size_t i = 0; i < value.size(); ++i)
            add_item(out, value[i], path + '/' + std::to_string(i));
    } else {
        add_item(out, value, path);
    }
    return out;
}

void port_set::add(uint16_t first, uint16_t last) {
    if (ranges_.empty()) first_ = first;
    ranges_.push_back({first, last});
    std::sort(ranges_.begin(), ranges_.end(), [](range a, range b) { return a.first < b.first; });
    std::vector<range> merged;
    for (const range r : ranges_) {
        if (!merged.empty() && r.first <= merged.back().last + 1) {
            merged.back().last = std::max(merged.back().last, r.last);
        } else {
            merged.push_back(r);
        }
    }
    ranges_ = std::move(merged);
}

bool port_set::contains(uint16_t port) const {
    return std::any_of(ranges_.begin(), ranges_.end(),
                       [&](range r) { return r.first <= port && port <= r.last; });
}

size_t port_set::count() const {
    size_t n = 0;
    for (const range r : ranges_) n += static_cast<size_t>(r.last - r.first) + 1;
    return n;
}

std::vector<uint16_t> port_set::list() const {
    std::vector<uint16_t> out;
    for (const range r : ranges_) {
        for (unsigned p = r.first; p <= r.last; ++p) out.push_back(static_cast<uint16_t>(p));
    }
    return out;
}

}  // namespace weft::tcp
