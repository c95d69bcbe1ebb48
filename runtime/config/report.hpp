// Where the readers put what they find: every problem at its place in the file, none of them twice.
#pragma once

#include "config/model.hpp"
#include "config/suggest.hpp"
#include "config/tree.hpp"

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace weft::config {

class report {
public:
    explicit report(std::string file) : file_(std::move(file)) {}

    const std::string& file() const { return file_; }
    location where(const node& n) const { return {file_, n.line, n.column}; }

    // What depends on a variable that is not set is not judged: that the variable is missing is the
    // problem.
    void error(const node& at, const std::string& path, std::string text);
    void warn(const node& at, const std::string& path, std::string text);

    std::vector<problem> errors, warnings;

private:
    std::string file_;
};

// A mapping of the file whose keys are known: each is taken once, what is left is refused.
class section {
public:
    // `self` may be anything; unless it is a mapping this says so and holds nothing.
    section(report& to, const node& self, std::string path);

    const node& self() const { return self_; }
    const std::string& path() const { return path_; }
    std::string path(std::string_view key) const;

    const member* take(std::string_view key);
    // The text at `key`; nothing, and an error unless it is absent, when it is no text.
    std::optional<std::string> take_text(std::string_view key);
    // An error at `key` if it is there: nobody may take it.
    void refuse(std::string_view key, std::string text);
    // One error per key that nobody took.
    void refuse_rest();

private:
    report& to_;
    const node& self_;
    std::string path_;
    words taken_, refused_;
};

// Where a user looks for a value: at itself when it is one word, at its key when it goes over
// lines.
const node& place_of(const member& m);

// Does any part of it depend on a variable that is not set?
bool depends_on_unknown(const node& n);
// The first `${{...}}` in it, "" when there is none.
std::string expression_in(const node& n);

// "bindings" and "north" to "bindings.north".
std::string joined(const std::string& path, std::string_view key);

// Names of namespaces, bindings and everything else; also "namespace:name" where something is
// referred to.
bool is_name(std::string_view text);
bool is_reference(std::string_view text);

}  // namespace weft::config
