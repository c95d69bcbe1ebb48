#include "proxy_tlvs.hpp"

#include <weft/text.hpp>

#include <array>
#include <cstdint>
#include <optional>

namespace weft::tcp {

namespace {

enum tlv_type : uint8_t {
    tlv_authority = 0x02,
    tlv_crc32c = 0x03,
    tlv_unique_id = 0x05,
    tlv_ssl = 0x20,
    tlv_ssl_common_name = 0x22,
};
constexpr size_t tlv_head_size = 3;
constexpr size_t ssl_head_size = 5;  // client, verify
constexpr size_t checksum_size = 4;
constexpr size_t unique_id_max = 128;

enum client_bits : uint8_t { client_ssl = 1, client_cert_conn = 2, client_cert_sess = 4 };

uint8_t byte_at(std::string_view bytes, size_t at) {
    return static_cast<uint8_t>(bytes[at]);
}

uint32_t number_at(std::string_view bytes, size_t at, size_t size) {
    uint32_t out = 0;
    for (size_t i = 0; i < size; ++i) out = out << 8 | byte_at(bytes, at + i);
    return out;
}

// Calls each(type, value), which returns why not; so does this.
template <class Each>
const char* for_each_tlv(std::string_view bytes, const char* cut_off, Each&& each) {
    while (!bytes.empty()) {
        if (bytes.size() < tlv_head_size) return cut_off;
        const uint8_t type = byte_at(bytes, 0);
        const size_t size = number_at(bytes, 1, 2);
        bytes.remove_prefix(tlv_head_size);
        if (bytes.size() < size) return cut_off;
        if (const char* why = each(type, bytes.substr(0, size))) return why;
        bytes.remove_prefix(size);
    }
    return nullptr;
}

constexpr std::array<uint32_t, 256> crc32c_table = [] {
    std::array<uint32_t, 256> table{};
    for (uint32_t i = 0; i < table.size(); ++i) {
        uint32_t v = i;
        for (int bit = 0; bit < 8; ++bit) v = (v >> 1) ^ ((v & 1) ? 0x82f63b78u : 0);
        table[i] = v;
    }
    return table;
}();

// RFC 4960, appendix B; the four bytes at `checksum` count as zeros.
uint32_t crc32c_of(std::string_view header, size_t checksum) {
    uint32_t crc = ~0u;
    for (size_t i = 0; i < header.size(); ++i) {
        const bool own = i >= checksum && i < checksum + checksum_size;
        crc = (crc >> 8) ^ crc32c_table[(crc ^ (own ? 0u : byte_at(header, i))) & 0xff];
    }
    return ~crc;
}

bool is_text(std::string_view s) {
    return valid_utf8(s) && !has_controls(s);
}

// Who shows two of a thing may mean either.
const char* take_once(std::optional<std::string_view>& to, std::string_view value,
                      const char* twice) {
    if (to) return twice;
    to = value;
    return nullptr;
}

const char* read_ssl(std::string_view value, std::string_view& common_name) {
    if (value.size() < ssl_head_size) return "an SSL TLV that is too short";
    const uint8_t client = byte_at(value, 0);
    const uint32_t verify = number_at(value, 1, 4);
    std::optional<std::string_view> name;
    const char* why =
        for_each_tlv(value.substr(ssl_head_size), "a TLV that goes beyond the SSL TLV it is in",
                     [&](uint8_t type, std::string_view v) -> const char* {
                         if (type != tlv_ssl_common_name) return nullptr;
                         if (!is_text(v)) return "a common name that is no text";
                         return take_once(name, v, "two common names");
                     });
    if (why) return why;
    // `verify` is 0 also for a client that showed no certificate; the bits tell.
    const bool shown = (client & client_ssl) && (client & (client_cert_conn | client_cert_sess));
    if (shown && verify == 0) common_name = name.value_or(std::string_view());
    return nullptr;
}

}  // namespace

proxy_tlvs read_proxy_tlvs(std::string_view header, size_t at) {
    proxy_tlvs out;
    std::optional<std::string_view> ssl, authority, checksum;
    out.why = for_each_tlv(header.substr(at), "a TLV that goes beyond the header",
                           [&](uint8_t type, std::string_view v) -> const char* {
                               switch (type) {
                                   case tlv_authority:
                                       if (!is_text(v)) return "an authority that is no text";
                                       return take_once(authority, v, "two authorities");
                                   case tlv_crc32c:
                                       if (v.size() != checksum_size)
                                           return "a checksum that has not four bytes";
                                       return take_once(checksum, v, "two checksums");
                                   case tlv_unique_id:
                                       return v.size() > unique_id_max
                                                  ? "a unique id of more than 128 bytes"
                                                  : nullptr;
                                   case tlv_ssl:
                                       if (const char* why = take_once(ssl, v, "two SSL TLVs"))
                                           return why;
                                       return read_ssl(v, out.common_name);
                                   default:
                                       return nullptr;
                               }
                           });
    if (!out.why && checksum) {
        const auto place = static_cast<size_t>(checksum->data() - header.data());
        if (crc32c_of(header, place) != number_at(*checksum, 0, checksum_size))
            out.why = "its checksum is another one";
    }
    if (out.why) return {{}, {}, out.why};
    out.authority = authority.value_or(std::string_view());
    return out;
}

}  // namespace weft::tcp
