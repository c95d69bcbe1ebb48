#include "config/expressions.hpp"

#include "config/comments.hpp"
#include "config/limits.hpp"

#include <algorithm>
#include <cstdlib>

namespace weft::config {

namespace {

constexpr std::string_view opening = "${{", closing = "}}";

// Stands for the value of a variable that is not set: one plain word, so that the rest of the file
// can still be checked.
constexpr std::string_view placeholder = "\xEE\x80\x80";  // U+E000, private use

std::string_view trimmed(std::string_view s) {
    const auto first = s.find_first_not_of(" \t");
    return first == std::string_view::npos ? std::string_view()
                                           : s.substr(first, s.find_last_not_of(" \t") - first + 1);
}

class expander {
public:
    expander(const source& from, const environment& env, bool lenient, std::vector<problem>& errors,
             std::vector<problem>& warnings)
        : from_(from), env_(env), lenient_(lenient), errors_(errors), warnings_(warnings) {}

    expanded_text run() {
        const std::string_view text = from_.text();
        const auto comments = find_comments(text);
        auto comment = comments.begin();
        size_t copied = 0;
        for (size_t at = text.find(opening); at != std::string_view::npos;
             at = text.find(opening, at)) {
            while (comment != comments.end() && comment->end <= at) ++comment;
            if (comment != comments.end() && comment->begin <= at) {
                at = comment->end;
                continue;
            }
            append(text.substr(copied, at - copied));
            at = copied = replace(at);
        }
        append(text.substr(copied));
        return std::move(out_);
    }

private:
    void append(std::string_view s) {
        if (out_.text.size() + s.size() > expanded_size_max)
            throw unreadable(
                {{from_.name(), 0, 0}, "", "is too large once its expressions are replaced"});
        out_.text += s;
    }

    // Puts the value of the expression at `at` into the text and returns where to go on.
    size_t replace(size_t at) {
        const std::string_view text = from_.text();
        const size_t eol = std::min(text.find('\n', at), text.size());
        const size_t close = text.find(closing, at + opening.size());
        if (close == std::string_view::npos || close >= eol) {
            errors_.push_back({from_.at(at), "", "'${{' without a closing '}}' on the same line"});
            append(opening);
            return at + opening.size();
        }
        const size_t end = close + closing.size();
        const std::string_view inner =
            trimmed(text.substr(at + opening.size(), close - at - opening.size()));
        if (inner.starts_with("guarded[")) {
            // Evaluated per stream by a binding; the documentation prints it with two braces,
            // bindings know one.
            use(at, end, std::string("${").append(inner).append("}"), "", false);
        } else if (inner.starts_with("env.") && valid_name(inner.substr(4))) {
            variable(at, end, std::string(inner.substr(4)));
        } else {
            errors_.push_back(
                {from_.at(at), "",
                 "'" + std::string(text.substr(at, end - at)) +
                     "' is no expression that can be resolved (allowed: ${{env.NAME}})"});
            use(at, end, std::string(placeholder), "", true);
        }
        return end;
    }

    static bool valid_name(std::string_view name) {
        return !name.empty() && name.find_first_of(" \t{}'\"") == std::string_view::npos;
    }

    void variable(size_t at, size_t end, const std::string& name) {
        const auto value = env_(name);
        if (!value && !lenient_) return use(at, end, std::string(placeholder), name, true);
        if (value && first_unprintable(*value) != std::string_view::npos) {
            errors_.push_back({from_.at(at), "",
                               "environment variable '" + name +
                                   "' is not UTF-8 text without control characters"});
            return use(at, end, std::string(placeholder), "", true);
        }
        if (!value || value->empty()) {
            warnings_.push_back({from_.at(at), "",
                                 "environment variable '" + name + "' is " +
                                     (value ? "empty" : "not set, and read as empty")});
        }
        use(at, end, value.value_or(""), name, false);
    }

    void use(size_t at, size_t end, const std::string& value, const std::string& name,
             bool missing) {
        const size_t begin = out_.text.size();
        append(value);
        out_.uses.push_back({begin, out_.text.size(), at, end,
                             std::string(from_.text().substr(at, end - at)), name, missing});
    }

    const source& from_;
    const environment& env_;
    bool lenient_;
    std::vector<problem>&errors_, &warnings_;
    expanded_text out_;
};

}  // namespace

environment process_environment() {
    return [](const std::string& name) -> std::optional<std::string> {
        const char* value = std::getenv(name.c_str());
        if (!value) return std::nullopt;
        return std::string(value);
    };
}

size_t expanded_text::source_offset(size_t offset) const {
    const auto next =
        std::upper_bound(uses.begin(), uses.end(), offset,
                         [](size_t o, const expression_use& u) { return o < u.begin; });
    if (next == uses.begin()) return offset;
    const auto& last = *(next - 1);
    return offset < last.end ? last.source_begin : last.source_end + (offset - last.end);
}

const expression_use* expanded_text::first_use(size_t begin, size_t end) const {
    const auto it = std::lower_bound(uses.begin(), uses.end(), begin,
                                     [](const expression_use& u, size_t o) { return u.begin < o; });
    return it != uses.end() && it->begin < end ? &*it : nullptr;
}

expanded_text expand(const source& from, const environment& env, bool lenient,
                     std::vector<problem>& errors, std::vector<problem>& warnings) {
    return expander(from, env, lenient, errors, warnings).run();
}

}  // namespace weft::config
