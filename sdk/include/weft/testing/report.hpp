// What the test kit says when something is wrong: a violation is a fault of the binding, an
// expectation_failed a difference between what the test wanted and what came, a std::logic_error a
// fault of the test itself.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weft::testing {

// A rule of <weft/abi.h> that the binding broke. Rules have short names, in groups:
//   frame.kind frame.size frame.meta frame.order frame.after-end frame.reserved frame.message
//   credit               DATA or FLUSH reserved more than was granted
//   window.acknowledge   WINDOW acknowledges bytes that were never sent
//   window.shrinks       acknowledge + maximum went down
//   stream.closed        a stream was used after its on_closed
//   stream.endpoint      open or accept gave no usable endpoint functions
//   meta.emits           a stream was opened with metadata that `emits` does not name
//   slice.owner slice.bounds slice.freed slice.released slice.immutable
//   thread               a [worker] function was called on another thread
//   worker.detached      a service was used through the worker handle after detach
//   worker.blocked       a call held its worker too long; see host::calls_may_take
//   exception            an exception crossed the ABI
//   turn.endless         frames, posts or timers beget each other without end
//   event.id log.error
//   leak.timer leak.watch leak.task leak.lease leak.buffer leak.shared
struct violation {
    std::string rule;
    std::string binding;  // its name, or the plugin's
    std::string text;
};

inline std::string to_string(const violation& v) {
    return v.binding + ": " + v.text + " [" + v.rule + "]";
}

// Thrown by the call of the kit during which the binding broke a rule, once nothing of the binding
// is on the stack any more; see host::on_violation for another way to hear of it.
class contract_violation : public std::runtime_error {
public:
    explicit contract_violation(std::vector<violation> found)
        : std::runtime_error(joined(found)), found_(std::move(found)) {}
    const std::vector<violation>& found() const { return found_; }

private:
    static std::string joined(const std::vector<violation>& found) {
        std::string out = "the binding broke the contract";
        for (const auto& v : found) out += "\n  " + to_string(v);
        return out;
    }
    std::vector<violation> found_;
};

class expectation_failed : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// The plugin refused init, create or attach.
class refused : public std::runtime_error {
public:
    refused(std::string step, int32_t code, std::string path, const std::string& text)
        : std::runtime_error(step + " failed: " + (path.empty() ? "" : path + ": ") + text + " (" +
                             std::to_string(code) + ")"),
          step_(std::move(step)),
          path_(std::move(path)),
          text_(text),
          code_(code) {}
    const std::string& step() const { return step_; }
    const std::string& path() const { return path_; }  // weft_error.path
    const std::string& text() const { return text_; }  // weft_error.text
    int32_t code() const { return code_; }

private:
    std::string step_, path_, text_;
    int32_t code_;
};

namespace detail {

// Collects violations while the binding runs and tells of them once it does not.
class reporter {
public:
    using handler_fn = std::function<void(const violation&)>;

    handler_fn handler;  // empty: throw contract_violation

    void add(std::string rule, std::string binding, std::string text) {
        const std::lock_guard lock(mutex_);
        // A fault in a loop is one fault; a test that reads the list wants to see the others.
        if (found_.size() < violations_max)
            found_.push_back({std::move(rule), std::move(binding), std::move(text)});
    }
    std::vector<violation> take() {
        const std::lock_guard lock(mutex_);
        return std::exchange(found_, {});
    }
    void raise() {
        auto found = take();
        if (found.empty()) return;
        if (!handler) throw contract_violation(std::move(found));
        for (const auto& v : found) handler(v);
    }

private:
    static constexpr size_t violations_max = 1000;
    std::mutex mutex_;
    std::vector<violation> found_;
};

}  // namespace detail
}  // namespace weft::testing
