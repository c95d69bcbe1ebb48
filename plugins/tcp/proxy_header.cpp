#include "proxy_header.hpp"

#include "limits.hpp"
#include "proxy_tlvs.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <string>

namespace weft::tcp {

namespace {

using namespace std::string_view_literals;

constexpr auto signature_1 = "PROXY "sv;
constexpr auto signature_2 = "\r\n\r\n\0\r\nQUIT\n"sv;
constexpr uint32_t fixed_size_2 = 16;
constexpr uint32_t line_size_max = 107;  // section 2.1, CRLF included

proxy_header malformed(const char* why) {
    return {proxy_header::state::malformed, 0, {}, why};
}

proxy_header incomplete(size_t needed) {
    return {proxy_header::state::incomplete, static_cast<uint32_t>(needed), {}, nullptr};
}

proxy_header complete(size_t size, std::optional<socket_address> source = {}) {
    return {proxy_header::state::complete, static_cast<uint32_t>(size), source, nullptr};
}

std::optional<socket_address> address_of(int family, std::string_view host, uint16_t port) {
    // inet_pton wants an end; the longest literal is INET6_ADDRSTRLEN with it.
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (host.size() >= text.size()) return {};
    std::copy(host.begin(), host.end(), text.begin());
    socket_address a;
    if (family == AF_INET) {
        a.v4 = {};
        if (inet_pton(AF_INET, text.data(), &a.v4.sin_addr) != 1) return {};
    } else if (inet_pton(AF_INET6, text.data(), &a.v6.sin6_addr) != 1) {
        return {};
    }
    a.generic.sa_family = static_cast<sa_family_t>(family);
    a.set_port(port);
    return a;
}

// Section 2.1: decimal, and no zeros in front.
std::optional<uint16_t> port_of(std::string_view text) {
    uint16_t port = 0;
    const char* end = text.data() + text.size();
    const auto [p, error] = std::from_chars(text.data(), end, port);
    if (text.empty() || error != std::errc{} || p != end) return {};
    if (text.size() > 1 && text.front() == '0') return {};
    return port;
}

proxy_header read_line(std::string_view bytes) {
    const auto window = bytes.substr(0, line_size_max);
    // The first LF ends the line, so that a part of it is never read in another way than the whole.
    const size_t lf = window.find('\n');
    if (lf == std::string_view::npos) {
        if (window.size() == line_size_max) return malformed("a line of more than 107 bytes");
        return incomplete(bytes.size() + 1);
    }
    if (window[lf - 1] != '\r') return malformed("a line without CR");
    const size_t end = lf - 1;
    auto rest = window.substr(signature_1.size(), end - signature_1.size());
    if (rest == "UNKNOWN" || rest.starts_with("UNKNOWN ")) return complete(end + 2);

    std::array<std::string_view, 5> fields{};
    for (size_t i = 0; i < fields.size(); ++i) {
        const size_t space = i + 1 < fields.size() ? rest.find(' ') : rest.size();
        if (space == std::string_view::npos) return malformed("a line with a field too few");
        fields[i] = rest.substr(0, space);
        rest.remove_prefix(std::min(space + 1, rest.size()));
    }
    const int family = fields[0] == "TCP4" ? AF_INET : fields[0] == "TCP6" ? AF_INET6 : 0;
    if (family == 0) return malformed("a family other than TCP4, TCP6 and UNKNOWN");
    const auto source_port = port_of(fields[3]), destination_port = port_of(fields[4]);
    if (!source_port || !destination_port) return malformed("a port that is none");
    const auto source = address_of(family, fields[1], *source_port);
    if (!source || !address_of(family, fields[2], *destination_port))
        return malformed("an address that is none of its family");
    return complete(end + 2, source);
}

uint16_t big_endian(const char* at) {
    const auto byte = [&](int i) { return static_cast<unsigned>(static_cast<uint8_t>(at[i])); };
    return static_cast<uint16_t>(byte(0) << 8 | byte(1));
}

proxy_header read_binary(std::string_view bytes) {
    if (bytes.size() < fixed_size_2) return incomplete(fixed_size_2);
    const auto version_command = static_cast<uint8_t>(bytes[12]);
    const auto family_transport = static_cast<uint8_t>(bytes[13]);
    const uint32_t length = big_endian(bytes.data() + 14), size = fixed_size_2 + length;
    const unsigned command = version_command & 0xf, family = family_transport >> 4,
                   transport = family_transport & 0xf;
    if (version_command >> 4 != 2) return malformed("a version other than 2");
    if (command > 1) return malformed("a command other than LOCAL and PROXY");
    if (family > 3 || transport > 2) return malformed("a family or transport that is not known");
    if (size > limits::proxy_header_bytes_max) return malformed("more bytes than are accepted");
    constexpr std::array<uint32_t, 4> addresses_size{0, 12, 36, 216};
    if (command == 1 && length < addresses_size[family])
        return malformed("too short for the addresses of its family");
    if (bytes.size() < size) return incomplete(size);

    // 2.2: what a proxy says of its own connections is discarded, and that of an unknown family has
    // no known form.
    if (command == 0 || family == 0) return complete(size);
    const auto said = read_proxy_tlvs(bytes.substr(0, size), fixed_size_2 + addresses_size[family]);
    if (said.why) return malformed(said.why);
    auto header = complete(size);
    header.common_name = said.common_name;
    header.authority = said.authority;
    // An address that cannot be used is ignored, and the connection's own counts.
    if (transport == 0 || family == 3) return header;
    const char* at = bytes.data() + fixed_size_2;
    socket_address a;
    if (family == 1) {
        a.v4 = {};
        a.v4.sin_family = AF_INET;
        std::memcpy(&a.v4.sin_addr, at, 4);
        a.set_port(big_endian(at + 8));
    } else {
        a.v6.sin6_family = AF_INET6;
        std::memcpy(&a.v6.sin6_addr, at, 16);
        a.set_port(big_endian(at + 32));
    }
    header.source = a;
    return header;
}

bool begins(std::string_view bytes, std::string_view signature) {
    const size_t n = std::min(bytes.size(), signature.size());
    return bytes.substr(0, n) == signature.substr(0, n);
}

}  // namespace

proxy_header read_proxy_header(std::string_view bytes) {
    if (bytes.empty()) return incomplete(1);
    const auto by = [&](std::string_view signature, auto read) {
        return bytes.size() < signature.size() ? incomplete(signature.size()) : read(bytes);
    };
    if (begins(bytes, signature_2)) return by(signature_2, read_binary);
    if (begins(bytes, signature_1)) return by(signature_1, read_line);
    return malformed("the first bytes of neither version");
}

}  // namespace weft::tcp
