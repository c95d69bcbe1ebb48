#include "config/suggest.hpp"

#include <algorithm>

namespace weft::config {

namespace {

constexpr size_t listed_max = 24, quoted_max = 80, word_max = 64;

// People mix up case and the separators - _ . more often than letters.
std::string folded(std::string_view word) {
    std::string out;
    for (const char c : word) {
        if (c == '-' || c == '_' || c == '.' || c == ' ') continue;
        out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return out;
}

// Edits between two words; two swapped neighbours count as one.
size_t distance(std::string_view a, std::string_view b) {
    std::vector<size_t> before(b.size() + 1), last(b.size() + 1), now(b.size() + 1);
    for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
    for (size_t i = 1; i <= a.size(); ++i) {
        now[0] = i;
        for (size_t j = 1; j <= b.size(); ++j) {
            const size_t change = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            now[j] = std::min({last[j] + 1, now[j - 1] + 1, change});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = std::min(now[j], before[j - 2] + 1);
        }
        before.swap(last);
        last.swap(now);
    }
    return last[b.size()];
}

}  // namespace

std::string closest(std::string_view word, const words& candidates) {
    if (word.empty() || word.size() > word_max) return "";
    const std::string wanted = folded(word);
    std::string best;
    // Two letters are nearly anything; a third of a longer word may be wrong.
    size_t best_distance = wanted.size() <= 2 ? 1 : std::max<size_t>(1, wanted.size() / 3) + 1;
    for (const auto& candidate : candidates) {
        const std::string have = folded(candidate);
        if (have.size() > word_max) continue;
        size_t d = distance(wanted, have);
        // A word that was cut short or written long: "bootstrap.servers" for "servers".
        if (d >= best_distance && std::min(wanted.size(), have.size()) >= 4 &&
            (wanted.ends_with(have) || have.ends_with(wanted) || have.starts_with(wanted)))
            d = best_distance - 1;
        if (d < best_distance) {
            best_distance = d;
            best = candidate;
        }
    }
    return best;
}

std::string did_you_mean(std::string_view word, const words& candidates) {
    const std::string best = closest(word, candidates);
    return best.empty() ? "" : ", did you mean " + in_quotes(best) + "?";
}

std::string listed(const words& items) {
    std::string out;
    for (size_t i = 0; i < items.size() && i < listed_max; ++i)
        out += (i == 0 ? "" : ", ") + items[i];
    if (items.size() > listed_max)
        out += ", and " + std::to_string(items.size() - listed_max) + " more";
    return out;
}

std::string allowed(const words& items) {
    return items.empty() ? " (nothing is allowed here)" : " (allowed: " + listed(items) + ")";
}

std::string in_quotes(std::string_view word) {
    size_t end = std::min(word.size(), quoted_max);
    while (end > 0 && end < word.size() && (static_cast<unsigned char>(word[end]) & 0xC0u) == 0x80u)
        --end;
    std::string out = "'";
    for (const char c : word.substr(0, end)) out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    return out + (end < word.size() ? "...'" : "'");
}

}  // namespace weft::config
