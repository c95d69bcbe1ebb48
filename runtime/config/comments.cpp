#include "config/comments.hpp"

#include <algorithm>
#include <string>

namespace weft::config {

namespace {

bool blank(char c) {
    return c == ' ' || c == '\t';
}
bool line_end(char c) {
    return c == '\n' || c == '\r';
}

// One pass over the text. What matters is whether a character begins a token: only there is a quote
// a quote and `|` a block scalar's header. `#` begins a comment after white space, anywhere but
// inside quotes and block scalars.
class comment_finder {
public:
    explicit comment_finder(std::string_view text) : text_(text) {}

    std::vector<text_range> run() {
        while (at_ < text_.size()) line();
        return std::move(found_);
    }

private:
    char peek(size_t ahead = 0) const {
        return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\n';
    }
    bool separated(size_t ahead) const { return blank(peek(ahead)) || line_end(peek(ahead)); }
    int column() const { return static_cast<int>(at_ - line_begin_); }

    void skip_line() { at_ = std::min(text_.find('\n', at_), text_.size()); }

    void line() {
        line_begin_ = at_;
        token_ = true;
        if (peek() == '%' && flow_ == 0) skip_line();
        if (text_.substr(at_, 3) == "---" && separated(3)) {
            at_ += 3;
            parent_ = -1;
            flow_ = 0;
        }
        while (at_ < text_.size() && text_[at_] != '\n') character();
        ++at_;
        if (block_) block_scalar();
    }

    void character() {
        const char c = text_[at_];
        if (c == '#' && (at_ == line_begin_ || blank(text_[at_ - 1]))) return comment();
        if (text_.substr(at_, 3) == "${{") return expression();
        if (token_ && (c == '"' || c == '\'')) return quoted(c);
        if (token_ && flow_ == 0 && (c == '|' || c == '>') && header()) return;
        if (indicator(c)) return;
        if (!blank(c)) {
            if (token_) start_ = column();
            token_ = token_ && (c == '&' || c == '!') && property();
        }
        ++at_;
    }

    void comment() {
        const size_t begin = at_;
        skip_line();
        found_.push_back({begin, at_});
    }

    void expression() {
        const size_t eol = std::min(text_.find('\n', at_), text_.size());
        const size_t close = text_.find("}}", at_);
        if (token_) start_ = column();
        at_ = close == std::string_view::npos || close > eol ? at_ + 3 : close + 2;
        token_ = false;
    }

    // An anchor or tag: the token after it is still to come.
    bool property() {
        while (!separated(1)) ++at_;
        return true;
    }

    bool indicator(char c) {
        if (flow_ > 0 && c == ',') {
            token_ = true;
        } else if (token_ && (c == '[' || c == '{')) {
            start_ = column();
            ++flow_;
        } else if (flow_ > 0 && (c == ']' || c == '}')) {
            --flow_;
            token_ = false;
        } else if (token_ && (c == '-' || c == '?') && separated(1)) {
            parent_ = column();
        } else if (c == ':' &&
                   (separated(1) ||
                    (flow_ > 0 && at_ > 0 && (text_[at_ - 1] == '"' || text_[at_ - 1] == '\'')))) {
            if (flow_ == 0) parent_ = start_;
            token_ = true;
        } else {
            return false;
        }
        ++at_;
        return true;
    }

    // A quoted scalar may go over lines; '' is a quote inside '...', a backslash escapes inside
    // "...".
    void quoted(char quote) {
        start_ = column();
        for (++at_; at_ < text_.size(); ++at_) {
            const char c = text_[at_];
            if (quote == '"' && c == '\\') {
                ++at_;
            } else if (c == quote) {
                if (quote == '"' || peek(1) != '\'') break;
                ++at_;
            } else if (c == '\n') {
                line_begin_ = at_ + 1;
            }
        }
        at_ = std::min(at_ + 1, text_.size());
        token_ = false;
    }

    // `|`, `>-`, `|2+ # comment`: nothing else on the line.
    bool header() {
        size_t i = at_ + 1;
        while (i < text_.size() &&
               (text_[i] == '+' || text_[i] == '-' || (text_[i] >= '0' && text_[i] <= '9')))
            ++i;
        size_t rest = i;
        while (rest < text_.size() && blank(text_[rest])) ++rest;
        const bool ends =
            rest >= text_.size() || line_end(text_[rest]) || (text_[rest] == '#' && rest > i);
        if (!ends) return false;
        at_ = rest;
        token_ = false;
        block_ = true;
        return true;
    }

    // Lines deeper than the parent, as deep as the first of them.
    void block_scalar() {
        block_ = false;
        int indent = -1;
        while (at_ < text_.size()) {
            const size_t eol = std::min(text_.find('\n', at_), text_.size());
            const size_t first = std::min(text_.find_first_not_of(' ', at_), eol);
            const bool empty = first == eol || line_end(text_[first]);
            const int depth = static_cast<int>(first - at_);
            if (!empty) {
                if (depth <= parent_ || depth < indent) return;
                if (indent < 0) indent = depth;
            }
            at_ = eol + 1;
        }
    }

    std::string_view text_;
    std::vector<text_range> found_;
    size_t at_ = 0, line_begin_ = 0;
    int flow_ = 0;        // brackets and braces that are open
    int start_ = 0;       // column of the current token
    int parent_ = -1;     // column of the mapping key or dash that a block scalar would belong to
    bool token_ = true;   // the next character may begin one
    bool block_ = false;  // a block scalar follows this line
};

}  // namespace

std::vector<text_range> find_comments(std::string_view yaml) {
    return comment_finder(yaml).run();
}

}  // namespace weft::config
