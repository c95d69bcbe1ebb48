// Runs a piece of work in a child process, so that what crashes or hangs there does so alone.
#pragma once

#include <nlohmann/json.hpp>

#include <functional>
#include <string>

namespace weft::validator {

enum class verdict { pass, fail, skip };

struct outcome {
    verdict what = verdict::pass;
    std::string text;      // why, when it is no pass
    nlohmann::json value;  // what the work returned
};

// Work throws `failure`, `skipped` or anything else (a failure). The child's standard output is
// thrown away; the last line of its standard error is added when it dies.
outcome in_child(unsigned timeout_s, const std::function<nlohmann::json()>& work);

}  // namespace weft::validator
