// A YAML file as a tree in which every value knows its place in the user's file.
#pragma once

#include "config/expressions.hpp"

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace weft::config {

struct node;

struct member {
    const node* key;
    const node* value;
};

enum class node_kind : uint8_t { null, scalar, sequence, mapping };

struct node {
    node_kind kind = node_kind::null;
    bool plain = false;    // a scalar without quotes and tag: its type is found from its text
    bool unknown = false;  // depends on a variable that is not set
    int line = 0, column = 0;
    std::string tag;   // "" unless written
    std::string text;  // of a scalar
    std::string
        expression;  // the `${{...}}` in it, "" when there is none: its text may be a secret
    std::vector<const node*> items;
    std::vector<member> members;  // duplicates included

    bool is_mapping() const { return kind == node_kind::mapping; }
    // The value of the first key of this name, or nullptr.
    const node* find(std::string_view key) const;
    const member* find_member(std::string_view key) const;
};

// The documents of one file. Owns every node; an aliased node is shared by its users, which is why
// they are plain pointers.
struct tree {
    std::deque<node> nodes;
    std::vector<const node*> roots;
    std::unordered_map<const node*, std::vector<const expression_use*>>
        missing;  // of nodes that are `unknown`; into the expanded text
};

// Throws unreadable for what is not YAML and for what is larger or deeper than limits.hpp allows,
// aliases expanded. After it, walks of any root are bounded in depth and count. Keys may still be
// repeated, or be no words: see inspect.hpp.
tree parse_tree(const source& from, const expanded_text& text);

}  // namespace weft::config
