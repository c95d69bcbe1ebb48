#include "extension.hpp"

#include <weft/text.hpp>

#include <algorithm>
#include <charconv>
#include <vector>

namespace weft::ws {
namespace {

constexpr std::string_view deflate_name = "permessage-deflate";
// zlib cannot write raw deflate with windows of 256 bytes, which RFC 7692 allows.
constexpr int bits_min = 9, bits_max = 15, bits_least = 8;

struct parameter {
    std::string_view name;
    std::optional<std::string_view> value;
};
struct element {
    std::string_view name;
    std::vector<parameter> parameters;
};

std::string_view trim(std::string_view s) {
    constexpr std::string_view space = " \t";
    const size_t first = s.find_first_not_of(space);
    if (first == std::string_view::npos) return {};
    return s.substr(first, s.find_last_not_of(space) - first + 1);
}

// Up to `delimiter` outside of quotes, which goes away with it.
std::string_view take_part(std::string_view& list, char delimiter) {
    bool quoted = false;
    size_t at = 0;
    for (; at < list.size(); ++at) {
        if (list[at] == '"') quoted = !quoted;
        if (list[at] == delimiter && !quoted) break;
    }
    const auto part = trim(list.substr(0, at));
    list.remove_prefix(std::min(at + 1, list.size()));
    return part;
}

parameter read_parameter(std::string_view text) {
    const size_t equals = text.find('=');
    if (equals == std::string_view::npos) return {text, std::nullopt};
    auto value = trim(text.substr(equals + 1));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
        value = value.substr(1, value.size() - 2);
    return {trim(text.substr(0, equals)), value};
}

std::vector<element> read_list(std::string_view list) {
    std::vector<element> out;
    while (!list.empty()) {
        auto one = take_part(list, ',');
        if (one.empty()) continue;
        element e{take_part(one, ';'), {}};
        while (!one.empty()) e.parameters.push_back(read_parameter(take_part(one, ';')));
        out.push_back(std::move(e));
    }
    return out;
}

// RFC 7692, 7.1: each at most once, and the values are numbers from 8 to 15 without leading zeros.
struct parameters {
    bool server_no_takeover = false, client_no_takeover = false;
    bool client_bits_named = false;
    std::optional<int> server_bits, client_bits;
};

std::optional<int> bits_of(std::string_view text) {
    int v = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
    if (error != std::errc{} || end != text.data() + text.size() || text.front() == '0')
        return std::nullopt;
    return v >= bits_least && v <= bits_max ? std::optional(v) : std::nullopt;
}

std::optional<parameters> read_parameters(const element& e) {
    parameters out;
    for (const auto& p : e.parameters) {
        if (p.name == "server_no_context_takeover" || p.name == "client_no_context_takeover") {
            bool& flag = p.name.front() == 's' ? out.server_no_takeover : out.client_no_takeover;
            if (flag || p.value) return std::nullopt;
            flag = true;
        } else if (p.name == "server_max_window_bits") {
            if (out.server_bits || !p.value) return std::nullopt;
            if (!(out.server_bits = bits_of(*p.value))) return std::nullopt;
        } else if (p.name == "client_max_window_bits") {
            if (out.client_bits_named) return std::nullopt;
            out.client_bits_named = true;
            if (p.value && !(out.client_bits = bits_of(*p.value))) return std::nullopt;
        } else {
            return std::nullopt;
        }
    }
    return out;
}

std::optional<agreed> agree(const parameters& p, const compression& c, std::string& answer) {
    agreed out;
    out.window_bits = std::min(c.window_bits, p.server_bits.value_or(bits_max));
    if (out.window_bits < bits_min) return std::nullopt;
    out.peer_window_bits = p.client_bits_named
                               ? std::min(c.peer_window_bits, p.client_bits.value_or(bits_max))
                               : bits_max;
    out.takeover = c.takeover && !p.server_no_takeover;
    out.peer_takeover = c.peer_takeover && !p.client_no_takeover;
    answer = deflate_name;
    if (!out.takeover) answer += "; server_no_context_takeover";
    if (!out.peer_takeover) answer += "; client_no_context_takeover";
    if (out.window_bits < bits_max || p.server_bits)
        answer += "; server_max_window_bits=" + std::to_string(out.window_bits);
    if (p.client_bits_named && out.peer_window_bits < bits_max)
        answer += "; client_max_window_bits=" + std::to_string(out.peer_window_bits);
    return out;
}

}  // namespace

uint64_t agreed::memory(const compression& c) const {
    // zlib's zconf.h: what deflate and inflate need, and their states.
    constexpr uint64_t states = 6 * 1024 + 8 * 1024;
    return (uint64_t{1} << (window_bits + 2)) + (uint64_t{1} << (c.memory_level + 9)) +
           (uint64_t{1} << peer_window_bits) + states;
}

std::optional<agreed> choose_offer(std::string_view offers, const compression& c,
                                   std::string& answer) {
    for (const auto& e : read_list(offers)) {
        if (!equal_ignoring_case(e.name, deflate_name)) continue;
        const auto p = read_parameters(e);
        if (!p) continue;
        if (auto out = agree(*p, c, answer)) return out;
    }
    return std::nullopt;
}

std::string make_offer(const compression& c) {
    std::string out(deflate_name);
    out += "; client_max_window_bits=" + std::to_string(c.window_bits);
    if (c.peer_window_bits < bits_max)
        out += "; server_max_window_bits=" + std::to_string(c.peer_window_bits);
    if (!c.takeover) out += "; client_no_context_takeover";
    if (!c.peer_takeover) out += "; server_no_context_takeover";
    return out;
}

std::optional<agreed> read_answer(std::string_view answer, const compression* offered,
                                  bool& wrong) {
    const auto list = read_list(answer);
    wrong = list.size() > 1;
    if (list.empty() || wrong) return std::nullopt;
    wrong = true;
    if (!offered || !equal_ignoring_case(list.front().name, deflate_name)) return std::nullopt;
    const auto p = read_parameters(list.front());
    if (!p || (p->client_bits_named && !p->client_bits)) return std::nullopt;
    // RFC 7692, 7.1.1.1 and 7.1.2.1: what was asked for must be kept
    if (p->server_bits.value_or(bits_max) > offered->peer_window_bits) return std::nullopt;
    if (!offered->peer_takeover && !p->server_no_takeover) return std::nullopt;
    agreed out;
    out.window_bits = std::min(offered->window_bits, p->client_bits.value_or(bits_max));
    if (out.window_bits < bits_min) return std::nullopt;
    out.peer_window_bits = p->server_bits.value_or(bits_max);
    out.takeover = offered->takeover && !p->client_no_takeover;
    out.peer_takeover = !p->server_no_takeover;
    wrong = false;
    return out;
}

}  // namespace weft::ws
