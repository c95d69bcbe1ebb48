// zilla.yaml to a checked configuration: every problem at once, each with its place and what is
// allowed there.
#pragma once

#include "config/expressions.hpp"
#include "config/model.hpp"
#include "loader/plugin_info.hpp"

#include <string>
#include <vector>

namespace weft::config {

struct load_options {
    // zilla.engine.env.lenient: a variable that is not set is empty text instead of an error.
    bool lenient_environment = false;
};

struct loaded {
    configuration config;         // complete only without errors
    std::vector<problem> errors;  // in the order of the file
    std::vector<problem> warnings;
    std::string
        text;  // as read, before expressions are replaced: holds no secret of the environment

    bool ok() const { return errors.empty(); }
};

// A path or file: URL. Never throws for what is in the file or for a file that is not there.
loaded load(const std::string& path_or_url, const std::vector<plugin_info>& installed,
            const environment& env, const load_options& options = {});

// The same for a text; `file` is its name in messages.
loaded load_text(std::string file, std::string text, const std::vector<plugin_info>& installed,
                 const environment& env, const load_options& options = {});

}  // namespace weft::config
