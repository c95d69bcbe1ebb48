// A rule: one thing that a plugin must do, tried in a process of its own.
#pragma once

#include "probe.hpp"

#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

namespace weft::validator {

// Thrown by a rule: the plugin does not keep it.
class failure : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};
// Thrown by a rule that cannot be tried; the text says why.
class skipped : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// What a rule is tried on: every binding type of the file with every kind, or the exporter.
enum class scope { file, binding, exporter };

struct rule {
    const char* name;  // for --rule
    scope on;
    const char* text;  // for --list
    std::function<void(probe&)> run;
};

std::vector<rule> all_rules();

std::vector<rule> file_rules();    // rules_file.cpp
std::vector<rule> life_rules();    // rules_life.cpp
std::vector<rule> stream_rules();  // rules_stream.cpp
std::vector<rule> unload_rules();  // rules_unload.cpp

}  // namespace weft::validator
