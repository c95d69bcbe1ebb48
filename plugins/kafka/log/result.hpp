// result<T>: a value or the reason why there is none. For what disks, files and neighbours can
// cause.
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace weft::kafka {

struct log_error {
    int code = 0;  // errno, 0 when the operating system has no part in it
    std::string text;
};

template <class T>
class [[nodiscard]] result {
public:
    result(T value) : v_(std::move(value)) {}
    result(log_error e) : v_(std::move(e)) {}

    explicit operator bool() const { return v_.index() == 0; }
    T& operator*() { return std::get<0>(v_); }
    T* operator->() { return &std::get<0>(v_); }
    const log_error& error() const { return std::get<1>(v_); }

private:
    std::variant<T, log_error> v_;
};

// errno with what was being done: "fallocate /x/y: No space left on device".
log_error system_error(int code, const std::string& doing);

}  // namespace weft::kafka
