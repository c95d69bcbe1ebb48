#include "config/source.hpp"

#include "config/limits.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

namespace weft::config {

namespace {

using byte = unsigned char;

constexpr size_t block_size = 4096;

size_t characters(std::string_view s) {
    return static_cast<size_t>(std::count_if(
        s.begin(), s.end(), [](char c) { return (static_cast<byte>(c) & 0xC0u) != 0x80u; }));
}

// Length of the UTF-8 sequence at `at`, 0 when it is not one (overlong, surrogate, beyond U+10FFFF,
// cut off).
size_t sequence_length(std::string_view s, size_t at) {
    const auto b = [&](size_t i) {
        return at + i < s.size() ? static_cast<byte>(s[at + i]) : byte{0};
    };
    const auto tail = [&](size_t i) { return (b(i) & 0xC0u) == 0x80u; };
    const byte first = b(0);
    if (first < 0x80) return 1;
    if (first >= 0xC2 && first <= 0xDF) return tail(1) ? 2 : 0;
    if (first >= 0xE0 && first <= 0xEF) {
        const bool second = first == 0xE0 ? b(1) >= 0xA0 : first == 0xED ? b(1) <= 0x9F : true;
        return second && tail(1) && tail(2) ? 3 : 0;
    }
    if (first >= 0xF0 && first <= 0xF4) {
        const bool second = first == 0xF0 ? b(1) >= 0x90 : first == 0xF4 ? b(1) <= 0x8F : true;
        return second && tail(1) && tail(2) && tail(3) ? 4 : 0;
    }
    return 0;
}

// YAML 1.2, 5.1: the control characters of C0 except tab and line ends are not printable. yaml-cpp
// takes 0x04 for the end.
bool forbidden_control(char c) {
    const auto b = static_cast<byte>(c);
    return (b < 0x20 && c != '\t' && c != '\n' && c != '\r') || b == 0x7F;
}

std::string percent_decoded(std::string_view s) {
    const auto hex = [](char c) {
        return c >= '0' && c <= '9'   ? c - '0'
               : c >= 'a' && c <= 'f' ? c - 'a' + 10
               : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                      : -1;
    };
    std::string out;
    for (size_t i = 0; i < s.size(); ++i) {
        if (s[i] == '%' && i + 2 < s.size() && hex(s[i + 1]) >= 0 && hex(s[i + 2]) >= 0) {
            out += static_cast<char>(hex(s[i + 1]) * 16 + hex(s[i + 2]));
            i += 2;
        } else {
            out += s[i];
        }
    }
    return out;
}

[[noreturn]] void fail(const std::string& file, std::string text) {
    throw unreadable({{file, 0, 0}, "", std::move(text)});
}

struct descriptor {
    int fd;
    ~descriptor() {
        if (fd >= 0) ::close(fd);
    }
};

}  // namespace

size_t first_unprintable(std::string_view text) {
    for (size_t i = 0; i < text.size();) {
        const size_t n = sequence_length(text, i);
        if (n == 0 || (n == 1 && forbidden_control(text[i]))) return i;
        i += n;
    }
    return std::string_view::npos;
}

source::source(std::string name, std::string text)
    : name_(std::move(name)), text_(std::move(text)) {
    if (text_.starts_with("\xEF\xBB\xBF")) text_.erase(0, 3);
    blocks_.push_back(0);
    for (size_t i = block_size; i <= text_.size(); i += block_size) {
        blocks_.push_back(blocks_.back() +
                          characters(std::string_view(text_).substr(i - block_size, block_size)));
    }
    lines_.push_back(0);
    for (size_t i = 0; i < text_.size(); ++i) {
        if (text_[i] == '\n') lines_.push_back(i + 1);
    }
    if (const size_t bad = first_unprintable(text_); bad != std::string::npos) {
        throw unreadable({at(bad), "",
                          forbidden_control(text_[bad]) ? "a control character is not allowed here"
                                                        : "this is not UTF-8 text"});
    }
}

size_t source::characters_before(size_t offset) const {
    const size_t block = offset / block_size;
    return blocks_[block] + characters(std::string_view(text_).substr(block * block_size,
                                                                      offset - block * block_size));
}

location source::at(size_t offset) const {
    offset = std::min(offset, text_.size());
    const auto next = std::upper_bound(lines_.begin(), lines_.end(), offset);
    const size_t column = characters_before(offset) - characters_before(*(next - 1)) + 1;
    return {name_, static_cast<int>(next - lines_.begin()), static_cast<int>(column)};
}

std::string local_path(const std::string& path_or_url) {
    if (path_or_url.starts_with("http:") || path_or_url.starts_with("https:")) {
        fail(path_or_url,
             "a configuration cannot be read over http yet; give a path or a file: URL");
    }
    if (!path_or_url.starts_with("file:")) return path_or_url;
    std::string_view rest(path_or_url);
    rest.remove_prefix(5);
    if (rest.starts_with("//")) {  // RFC 8089: an authority, empty or localhost
        rest.remove_prefix(2);
        if (rest.starts_with("localhost/")) rest.remove_prefix(9);
        if (!rest.starts_with('/'))
            fail(path_or_url,
                 "a file: URL names a file of this machine, such as file:///etc/weft/zilla.yaml or "
                 "file:zilla.yaml");
    }
    return percent_decoded(rest);
}

source read_source(const std::string& path_or_url) {
    const std::string path = local_path(path_or_url);
    const descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (file.fd < 0) {
        if (errno == ENOENT) fail(path, "there is no such file (choose one with -c FILE)");
        fail(path, std::string("cannot be opened: ") + std::strerror(errno));
    }
    std::string text;
    const auto chunk = std::make_unique<char[]>(64u << 10);
    for (;;) {
        const ssize_t n = ::read(file.fd, chunk.get(), 64u << 10);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) fail(path, std::string("cannot be read: ") + std::strerror(errno));
        if (n == 0) break;
        text.append(chunk.get(), static_cast<size_t>(n));
        if (text.size() > file_size_max)
            fail(path, "is larger than " + std::to_string(file_size_max >> 20) +
                           " MiB, the most that a configuration may have");
    }
    return {path, std::move(text)};
}

}  // namespace weft::config
