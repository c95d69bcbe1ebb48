// Which keys a reader wants: exact keys, or patterns over levels divided by '/', as MQTT filters
// are.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weft::kafka {

// MQTT 5, 4.7: '+' stands for one level, a last '#' for the rest including none; wildcards in the
// first level do not match keys that begin with '$'. Empty levels count.
bool matches_levels(std::string_view pattern, std::string_view key);

class key_filters {
public:
    void add_key(std::string_view key);
    void add_levels(std::string_view pattern);

    // No filter at all: every record, also those without a key.
    bool all() const { return keys_.empty() && patterns_.empty(); }
    bool exact() const { return patterns_.empty() && !keys_.empty(); }
    bool matches(std::string_view key) const;

    struct exact_key {
        std::string key;
        uint64_t hash;
    };
    const std::vector<exact_key>& keys() const { return keys_; }

private:
    std::vector<exact_key> keys_;
    std::vector<std::string> patterns_;
};

}  // namespace weft::kafka
