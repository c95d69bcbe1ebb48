// Any bytes as a request: what is accepted must read the same when it is written again, and nothing
// in it may begin another line.
#include "request.hpp"
#include "tokens.hpp"

#include <cstdint>
#include <cstdlib>

using namespace weft::http;

namespace {

void must(bool ok) {
    if (!ok) std::abort();
}

std::string written(const request& r) {
    std::string out = r.method + " " + r.path + " HTTP/1.1\r\n";
    for (const auto& f : r.fields) out += f.name + ": " + f.value + "\r\n";
    return out + "\r\n";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const size_t head = head_size(bytes);
    must(head <= size);
    if (head == 0) return 0;
    for (size_t searched = 0; searched < head; searched += 7)
        must(head_size(bytes, searched) <= size);

    request r;
    refusal why;
    if (!parse_request(bytes.substr(0, head), r, why)) return 0;
    must(is_token(r.method) && !r.path.empty());
    for (const auto& f : r.fields) must(is_token(f.name) && is_field_value(f.value));
    request again;
    const auto text = written(r);
    // HTTP/1.0 may lack a Host.
    if (r.value("host").empty()) return 0;
    must(parse_request(text, again, why));
    must(again.path == r.path && again.method == r.method && again.has_body == r.has_body);
    must(again.fields.size() == r.fields.size());
    return 0;
}
