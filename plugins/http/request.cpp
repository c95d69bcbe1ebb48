#include "request.hpp"

#include "limits.hpp"
#include "tokens.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

#include <algorithm>

namespace weft::http {
namespace {

namespace beast = boost::beast::http;

bool refuse(refusal& why, int status, std::string text) {
    why = {status, std::move(text)};
    return false;
}

// What a lenient parser would accept and another read differently.
bool check_lines(std::string_view head, refusal& why) {
    for (size_t at = 0; at < head.size(); ++at) {
        const char c = head[at];
        if (c == '\0') return refuse(why, 400, "a NUL in the head");
        if (c == '\r' && (at + 1 == head.size() || head[at + 1] != '\n'))
            return refuse(why, 400, "a CR without LF");
        if (c != '\n') continue;
        if (at == 0 || head[at - 1] != '\r') return refuse(why, 400, "a LF without CR");
        // RFC 9112, 5.2: a line that goes on in the next one
        if (at + 1 < head.size() && (head[at + 1] == ' ' || head[at + 1] == '\t'))
            return refuse(why, 400, "a folded header line");
    }
    return true;
}

// "http://host:port/path" and "/path"; the other forms belong to proxies (RFC 9112, 3.2).
bool read_target(std::string_view target, request& out, refusal& why) {
    if (out.method == "CONNECT") return refuse(why, 501, "CONNECT is for proxies");
    if (target == "*" && out.method == "OPTIONS") {
        out.path = "*";
        return true;
    }
    for (const std::string_view scheme : {"http://", "https://"}) {
        if (!equal_ignoring_case(target.substr(0, scheme.size()), scheme)) continue;
        target.remove_prefix(scheme.size());
        const size_t end = std::min(target.find_first_of("/?"), target.size());
        out.authority = target.substr(0, end);
        target.remove_prefix(end);
        out.path = target.starts_with('/') ? std::string(target) : "/" + std::string(target);
        return out.authority.empty() ? refuse(why, 400, "a target without a host") : true;
    }
    if (!target.starts_with('/')) return refuse(why, 400, "a target that is no path");
    out.path = target;
    return true;
}

bool read_host(request& out, bool http_11, refusal& why) {
    const auto is_host = [](const field& f) { return f.name == "host"; };
    const auto count = std::count_if(out.fields.begin(), out.fields.end(), is_host);
    // RFC 9112, 3.2: none in HTTP/1.1, or several, is 400
    if (count > 1 || (count == 0 && http_11)) return refuse(why, 400, "there must be one Host");
    const auto host = std::string(out.value("host"));
    if (host.find_first_of(" \t/\\@,?#") != std::string::npos)
        return refuse(why, 400, "a Host that is none");
    if (out.authority.empty()) out.authority = host;
    return true;
}

// Does the request have a body, and could its end be seen differently by others?
bool read_framing(request& out, bool http_11, refusal& why) {
    size_t lengths = 0;
    bool coded = false;
    for (const auto& f : out.fields) {
        if (f.name == "transfer-encoding") coded = true;
        if (f.name != "content-length") continue;
        ++lengths;
        const bool digits = !f.value.empty() && f.value.size() <= 19 &&
                            f.value.find_first_not_of("0123456789") == std::string::npos;
        if (!digits || lengths > 1) return refuse(why, 400, "a Content-Length that is none");
        out.has_body = f.value.find_first_not_of('0') != std::string::npos;
    }
    if (!coded) return true;
    // RFC 9112, 6.1: both, or either in HTTP/1.0, may be an attempt at request smuggling
    if (lengths || !http_11) return refuse(why, 400, "a Transfer-Encoding that cannot be");
    return refuse(why, 501, "request bodies in Transfer-Encoding are not supported");
}

bool read_connection(request& out, bool http_11) {
    bool close = false, keep = false, upgrade = false;
    for (const auto& f : out.fields) {
        if (f.name != "connection") continue;
        for_each_token(f.value, [&](std::string_view token) {
            close |= equal_ignoring_case(token, "close");
            keep |= equal_ignoring_case(token, "keep-alive");
            upgrade |= equal_ignoring_case(token, "upgrade");
        });
    }
    out.keep_alive = !close && (http_11 || keep);
    // RFC 9110, 7.8: ignored in HTTP/1.0 and when Connection does not name it. h2c goes unanswered.
    const auto wanted = out.value("upgrade");
    if (upgrade && http_11 && !equal_ignoring_case(wanted, "h2c")) out.upgrade = wanted;
    return true;
}

}  // namespace

std::string_view request::value(std::string_view name) const {
    for (const auto& f : fields)
        if (f.name == name) return f.value;
    return {};
}

size_t head_size(std::string_view bytes, size_t searched) {
    const size_t at = bytes.find("\r\n\r\n", searched > 3 ? searched - 3 : 0);
    if (at != std::string_view::npos) return at + 4;
    // Only LF: complete for a lenient reader, so it must not be waited for.
    const size_t bare = bytes.find("\n\n", searched > 1 ? searched - 1 : 0);
    return bare == std::string_view::npos ? 0 : bare + 2;
}

bool parse_request(std::string_view head, request& out, refusal& why) {
    if (head.starts_with("PRI * HTTP/2.0\r\n")) return refuse(why, 0, "HTTP/2 is not spoken here");
    if (!check_lines(head, why)) return false;
    if (head.find("\r\n") > request_line_max) return refuse(why, 414, "a request line too long");

    beast::request_parser<beast::empty_body> parser;
    parser.header_limit(head_size_max);
    parser.skip(true);  // the body is judged here
    boost::system::error_code error;
    parser.put(boost::asio::buffer(head.data(), head.size()), error);
    if (error == beast::error::bad_version) {
        return refuse(why, 505, "only HTTP/1.1 is spoken here");
    }
    if (error == beast::error::header_limit) return refuse(why, 431, "a head too large");
    if (error || !parser.is_header_done()) return refuse(why, 400, error.message());

    const auto& message = parser.get();
    if (message.version() != 11 && message.version() != 10)
        return refuse(why, 505, "only HTTP/1.1 is spoken here");
    const bool http_11 = message.version() == 11;
    out = {};
    out.method = std::string(message.method_string());
    if (message.method() == beast::verb::unknown)
        return refuse(why, 501, "the method " + out.method + " is not known");
    for (const auto& f : message) {
        if (out.fields.size() == field_count_max) return refuse(why, 431, "too many header fields");
        out.fields.push_back(
            {lower_case(std::string_view(f.name_string())), std::string(f.value())});
    }
    const auto target = message.target();
    return read_target({target.data(), target.size()}, out, why) && read_host(out, http_11, why) &&
           read_framing(out, http_11, why) && read_connection(out, http_11);
}

}  // namespace weft::http
