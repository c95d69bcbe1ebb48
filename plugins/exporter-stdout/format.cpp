#include "format.hpp"

#include <cstdio>
#include <ctime>
#include <string_view>

namespace weft::exporter_stdout {

namespace {

void append_time(std::string& out, uint64_t time_ms) {
    static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                             "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto seconds = static_cast<time_t>(time_ms / 1000);
    tm t{};
    localtime_r(&seconds, &t);
    const char sign = t.tm_gmtoff < 0 ? '-' : '+';
    const long offset_minutes = (t.tm_gmtoff < 0 ? -t.tm_gmtoff : t.tm_gmtoff) / 60;
    char text[64];
    std::snprintf(text, sizeof text, "[%02d/%s/%04d:%02d:%02d:%02d %c%02ld%02ld]", t.tm_mday,
                  months[t.tm_mon], t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec, sign,
                  offset_minutes / 60, offset_minutes % 60);
    out += text;
}

void append_name(std::string& out, std::string_view id) {
    for (const char c : id) {
        if (c == '.') {
            out += '_';
        } else {
            out += c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c;
        }
    }
}

void append_text(std::string& out, std::string_view text) {
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte != 0x7f) {
            out += c;
            continue;
        }
        char escaped[8];
        std::snprintf(escaped, sizeof escaped, "\\x%02x", byte);
        out += escaped;
    }
}

}  // namespace

std::string format_line(const weft_event& e) {
    char trace[32];
    std::snprintf(trace, sizeof trace, " [%016llxd] ", static_cast<unsigned long long>(e.trace_id));
    std::string out;
    out.reserve(160);
    append_text(out, e.ns);
    out += ':';
    append_text(out, e.binding);
    out += ' ';
    append_time(out, e.time_ms);
    out += trace;
    append_name(out, e.id);
    out += ' ';
    append_text(out, e.text);
    out += '\n';
    return out;
}

}  // namespace weft::exporter_stdout
