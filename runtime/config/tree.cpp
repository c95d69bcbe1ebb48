#include "config/tree.hpp"

#include "config/limits.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <istream>
#include <map>
#include <optional>
#include <streambuf>
#include <unordered_map>

namespace weft::config {

namespace {

// What a node costs with its aliases expanded.
struct extent {
    size_t count = 1, depth = 1;
};

class builder final : public YAML::EventHandler {
public:
    builder(const source& from, const expanded_text& text) : from_(from), text_(text) {}

    tree take() {
        settle(text_.text.size(), false);
        return std::move(tree_);
    }

    location at(const YAML::Mark& mark) const {
        return from_.at(text_.source_offset(offset(mark)));
    }

    void OnDocumentStart(const YAML::Mark& mark) override {
        settle(offset(mark), false);
        // yaml-cpp makes empty documents without end of a text such as ", a".
        if (document_ == offset(mark)) fail(mark, "not valid YAML: this is not expected here");
        document_ = offset(mark);
        anchors_.clear();
    }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        leaf(mark, node_kind::null, "", anchor, "");
    }
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        if (value.size() > scalar_size_max)
            fail(mark, "this value has " + std::to_string(value.size()) +
                           " bytes, the most allowed is " + std::to_string(scalar_size_max));
        leaf(mark, node_kind::scalar, tag, anchor, value);
    }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        settle(offset(mark), false);
        const auto it = anchors_.find(anchor);
        if (it == anchors_.end()) fail(mark, "an alias may not be inside what it names");
        place(it->second, mark);
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open(mark, node_kind::sequence, tag, anchor);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open(mark, node_kind::mapping, tag, anchor);
    }
    void OnMapEnd() override { close(); }

private:
    struct frame {
        node* self;
        YAML::anchor_t anchor;
        YAML::Mark mark;
        const node* key = nullptr;  // of a mapping, waiting for its value
    };

    static size_t offset(const YAML::Mark& mark) {
        return mark.pos < 0 ? 0 : static_cast<size_t>(mark.pos);
    }

    [[noreturn]] void fail(const YAML::Mark& mark, std::string text) const {
        throw unreadable({at(mark), "", std::move(text)});
    }

    node* make(const YAML::Mark& mark, node_kind kind, const std::string& tag) {
        node& n = tree_.nodes.emplace_back();
        n.kind = kind;
        const location where = at(mark);
        n.line = where.line;
        n.column = where.column;
        n.plain = kind == node_kind::scalar && (tag.empty() || tag == "?");
        if (tag != "?" && tag != "!") n.tag = tag;
        if (tree_.nodes.size() > node_count_max)
            fail(mark, "more than " + std::to_string(node_count_max) + " values in one file");
        return &n;
    }

    void leaf(const YAML::Mark& mark, node_kind kind, const std::string& tag, YAML::anchor_t anchor,
              const std::string& value) {
        const bool null = kind == node_kind::null;
        const bool after_scalar = last_ != nullptr;
        const size_t before = previous_;
        const auto* use = settle(offset(mark), null);
        if (null && !after_scalar) use = text_.first_use(before, offset(mark));
        node* n = make(mark, kind, tag);
        n->text = value;
        if (null) stand_in(*n, use);
        extents_[n] = {};
        if (anchor != YAML::NullAnchor) anchors_[anchor] = n;
        if (!null) {
            last_ = n;
            last_begin_ = offset(mark);
        }
        place(n, mark);
    }

    // Nothing was written: yaml-cpp's mark is that of whatever comes next. The expression or the
    // key shows the place better.
    void stand_in(node& n, const expression_use* use) {
        if (use) {
            const location where = from_.at(use->source_begin);
            n.line = where.line;
            n.column = where.column;
            n.expression = use->expression;
            n.unknown = use->missing;
            if (use->missing) tree_.missing[&n].push_back(use);
        } else if (!open_.empty() && open_.back().key) {
            n.line = open_.back().key->line;
            n.column = open_.back().key->column;
        }
    }

    // The scalar before `end` is complete: looks for the expressions in it. With `null_follows`,
    // one that begins behind the scalar's text is the (empty) value that follows, and is returned.
    const expression_use* settle(size_t end, bool null_follows) {
        previous_ = end;
        node* n = std::exchange(last_, nullptr);
        if (!n) return nullptr;
        const auto* use = text_.first_use(last_begin_, end);
        if (!use) return nullptr;
        if (null_follows && use->begin >= last_begin_ + n->text.size()) return use;
        n->expression = use->expression;
        for (; use != text_.uses.data() + text_.uses.size() && use->begin < end; ++use) {
            if (!use->missing) continue;
            n->unknown = true;
            tree_.missing[n].push_back(use);
        }
        return nullptr;
    }

    void open(const YAML::Mark& mark, node_kind kind, const std::string& tag,
              YAML::anchor_t anchor) {
        settle(offset(mark), false);
        if (open_.size() >= nesting_depth_max)
            fail(mark,
                 "more than " + std::to_string(nesting_depth_max) + " levels inside each other");
        open_.push_back({make(mark, kind, tag), anchor, mark});
    }

    void close() {
        const frame done = open_.back();
        open_.pop_back();
        extent total;
        const auto add = [&](const node* child) {
            const extent e = extents_[child];
            total.count += e.count;
            total.depth = std::max(total.depth, e.depth + 1);
        };
        for (const node* item : done.self->items) add(item);
        for (const auto& m : done.self->members) {
            add(m.key);
            add(m.value);
        }
        if (total.count > node_count_max)
            fail(done.mark, "more than " + std::to_string(node_count_max) +
                                " values once its aliases are expanded");
        if (total.depth > nesting_depth_max)
            fail(done.mark, "more than " + std::to_string(nesting_depth_max) +
                                " levels once its aliases are expanded");
        extents_[done.self] = total;
        if (done.anchor != YAML::NullAnchor) anchors_[done.anchor] = done.self;
        place(done.self, done.mark);
    }

    void place(const node* n, const YAML::Mark& mark) {
        if (open_.empty()) {
            if (tree_.roots.size() >= node_count_max) fail(mark, "too many documents");
            tree_.roots.push_back(n);
            return;
        }
        frame& parent = open_.back();
        if (!parent.self->is_mapping()) {
            parent.self->items.push_back(n);
        } else if (!parent.key) {
            parent.key = n;
        } else {
            parent.self->members.push_back({std::exchange(parent.key, nullptr), n});
        }
    }

    const source& from_;
    const expanded_text& text_;
    tree tree_;
    std::vector<frame> open_;
    std::map<YAML::anchor_t, const node*> anchors_;
    std::unordered_map<const node*, extent> extents_;
    node* last_ = nullptr;  // a scalar whose end is not known yet
    size_t last_begin_ = 0;
    std::optional<size_t> document_;  // where the current one begins
    size_t previous_ = 0;             // where the event before began
};

// Reads a text without copying it.
class text_buffer : public std::streambuf {
public:
    explicit text_buffer(std::string& text) {
        setg(text.data(), text.data(), text.data() + text.size());
    }
};

}  // namespace

const member* node::find_member(std::string_view key) const {
    const auto it = std::find_if(members.begin(), members.end(), [&](const member& m) {
        return m.key->kind == node_kind::scalar && m.key->text == key;
    });
    return it == members.end() ? nullptr : &*it;
}

const node* node::find(std::string_view key) const {
    const member* m = find_member(key);
    return m ? m->value : nullptr;
}

tree parse_tree(const source& from, const expanded_text& text) {
    builder handler(from, text);
    std::string copy = text.text;  // streambuf wants it mutable
    text_buffer buffer(copy);
    std::istream in(&buffer);
    try {
        YAML::Parser parser(in);
        while (parser.HandleNextDocument(handler)) continue;
    } catch (const YAML::Exception& e) {
        throw unreadable({e.mark.is_null() ? location{from.name(), 0, 0} : handler.at(e.mark), "",
                          "not valid YAML: " + e.msg});
    }
    return handler.take();
}

}  // namespace weft::config
