#include "response.hpp"

#include "limits.hpp"
#include "tokens.hpp"

#include <charconv>

namespace weft::http {
namespace {

// The connection and its framing are this binding's own.
bool is_ours(std::string_view name) {
    return name == "connection" || name == "transfer-encoding" || name == "content-length" ||
           name == "keep-alive" || name == "proxy-connection" || name == "trailer" || name == "te";
}

std::string status_line(int status) {
    return "HTTP/1.1 " + std::to_string(status) + " " + reason_phrase(status) + "\r\n";
}

}  // namespace

const char* reason_phrase(int status) {
    switch (status) {
        case 101:
            return "Switching Protocols";
        case 200:
            return "OK";
        case 204:
            return "No Content";
        case 400:
            return "Bad Request";
        case 401:
            return "Unauthorized";
        case 403:
            return "Forbidden";
        case 404:
            return "Not Found";
        case 408:
            return "Request Timeout";
        case 414:
            return "URI Too Long";
        case 426:
            return "Upgrade Required";
        case 431:
            return "Request Header Fields Too Large";
        case 500:
            return "Internal Server Error";
        case 501:
            return "Not Implemented";
        case 502:
            return "Bad Gateway";
        case 503:
            return "Service Unavailable";
        case 504:
            return "Gateway Timeout";
        case 505:
            return "HTTP Version Not Supported";
        case 507:
            return "Insufficient Storage";
        default:
            return "";
    }
}

std::string own_answer(int status, std::string_view text, bool keep_alive,
                       std::string_view challenge) {
    std::string out = status_line(status);
    if (!challenge.empty()) out.append("www-authenticate: ").append(challenge).append("\r\n");
    out += "content-type: text/plain; charset=utf-8\r\ncontent-length: ";
    out += std::to_string(text.size() + 1);
    out += keep_alive ? "\r\n\r\n" : "\r\nconnection: close\r\n\r\n";
    out += text;
    out += '\n';
    return out;
}

int status_of(const meta_view<weft_http_begin>& head) {
    if (!head) return 0;
    for (const auto& pair : head.list<weft_pair>(head->headers)) {
        if (head.text(pair.name) != ":status") continue;
        const auto text = head.text(pair.value);
        int status = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), status);
        const bool whole = error == std::errc{} && end == text.data() + text.size();
        return whole && status >= 100 && status <= 599 ? status : 0;
    }
    return 0;
}

std::string answer_head(const meta_view<weft_http_begin>& head, std::string_view upgrade) {
    const int status = status_of(head);
    std::string out = status_line(status);
    bool upgrade_named = false;
    for (const auto& pair : head.list<weft_pair>(head->headers)) {
        const auto name = head.text(pair.name), value = head.text(pair.value);
        if (name.starts_with(':') || is_ours(lower_case(name))) continue;
        if (!is_token(name) || !is_field_value(value)) return {};
        upgrade_named |= equal_ignoring_case(name, "upgrade");
        out.append(name).append(": ").append(value).append("\r\n");
        if (out.size() > answer_head_max) return {};
    }
    if (status == 101) {
        // RFC 9110, 15.2.2: an answer of 101 names the protocol
        if (!upgrade_named) out.append("upgrade: ").append(upgrade).append("\r\n");
        out += "connection: upgrade\r\n\r\n";
    } else {
        out += "connection: close\r\n\r\n";
    }
    return out;
}

}  // namespace weft::http
