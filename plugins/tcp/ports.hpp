// port_set: what the configuration calls `port`: 8080, "8080", "8000-8010", or a list of these.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace weft::tcp {

class port_set {
public:
    // Throws config_error with a path below `path`.
    static port_set parse(const nlohmann::json& value, const std::string& path);

    void add(uint16_t first, uint16_t last);
    bool contains(uint16_t port) const;
    bool empty() const { return ranges_.empty(); }
    size_t count() const;
    // Every port once, ascending.
    std::vector<uint16_t> list() const;
    // As written first: "the first one is used" by a client.
    uint16_t first() const { return first_; }

private:
    struct range {
        uint16_t first, last;
    };
    std::vector<range> ranges_;  // sorted, disjoint, not adjacent
    uint16_t first_ = 0;
};

}  // namespace weft::tcp
