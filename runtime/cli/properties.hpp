// Engine properties: `zilla.*` as the reference has them, `weft.*` as another spelling of the same
// name.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace weft::cli {

// Something the user gave cannot be used; ends the program with exit code 1.
class usage_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

class properties {
public:
    // Later calls win. A name beginning with "weft." becomes "zilla.".
    void set(const std::string& name, const std::string& value);
    // "name=value", or "name" for true.
    void set(const std::string& argument);
    // The syntax of Java's properties files. Throws usage_error when the file cannot be read.
    void read_file(const std::string& path);
    void read_text(const std::string& text);

    // `name` with "zilla.". The typed ones throw usage_error that names the property.
    std::string text(const std::string& name, const std::string& fallback) const;
    bool flag(const std::string& name, bool fallback) const;
    uint32_t number(const std::string& name, uint32_t fallback, uint32_t min, uint32_t max) const;
    std::chrono::milliseconds duration(const std::string& name,
                                       std::chrono::milliseconds fallback) const;

    // One line for each property that nothing knows: it has no effect.
    std::vector<std::string> complaints() const;

    // Every property in both spellings, as plugins may look for either.
    std::map<std::string, std::string> for_engine() const;

private:
    std::map<std::string, std::string> values_;
};

// ISO 8601 as Java prints it ("PT5S", "PT1M30.5S", "P1D"), or a number with ms, s, m or h. Throws
// usage_error.
std::chrono::milliseconds parse_duration(const std::string& text);

// Does anything here, or the reference, know this name (with "zilla.")?
bool known_property(const std::string& name);
const std::vector<std::string>& known_properties();

}  // namespace weft::cli
