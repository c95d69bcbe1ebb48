// The keys that a guard has at one time; never changed, so that workers share it without a lock.
#pragma once

#include "key.hpp"

#include <string_view>
#include <vector>

namespace weft::guard_jwt {

class key_set {
public:
    void add(key k) { keys_.push_back(std::move(k)); }
    size_t size() const { return keys_.size(); }
    bool has_symmetric() const;

    // The key of this name that the algorithm may be used with; of a token that names none, the
    // only one that fits. Null: none, or several.
    const key* find(std::string_view id, const algorithm& a) const;

private:
    std::vector<key> keys_;
};

// A key set ({"keys": [...]}) as others publish it: keys that are for something else, or of a kind
// that is not known here, are left out; so are symmetric ones unless they may be there. Throws
// std::runtime_error when none is left.
key_set read_key_set(std::string_view text, bool symmetric);

}  // namespace weft::guard_jwt
