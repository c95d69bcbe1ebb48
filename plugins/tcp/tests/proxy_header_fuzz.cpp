// Any bytes as the beginning of a connection: what is read of all must be what is read of a part,
// and a header never reaches beyond what is there or what is accepted.
#include "limits.hpp"
#include "proxy_header.hpp"

#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string_view>

using namespace weft::tcp;

namespace {

void must(bool ok) {
    if (!ok) std::abort();
}

bool within(std::string_view part, std::string_view all) {
    const std::less_equal<const char*> before;
    return part.empty() || (before(all.data(), part.data()) &&
                            before(part.data() + part.size(), all.data() + all.size()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using state = proxy_header::state;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const auto whole = read_proxy_header(bytes);
    must((whole.is == state::malformed) == (whole.why != nullptr));
    must(whole.size <= limits::proxy_header_bytes_max);
    if (whole.is == state::complete) must(whole.size > 0 && whole.size <= size);
    if (whole.is == state::incomplete) must(whole.size > size && !whole.source);
    for (const auto& said : {whole.common_name, whole.authority}) {
        must(said.empty() || whole.is == state::complete);
        must(within(said, bytes.substr(0, whole.size)));
        must(said.find('\0') == said.npos && said.find('\n') == said.npos);
    }
    if (whole.source) must(!whole.source->host().empty());
    for (size_t n = 0; n < size; n = n < 300 ? n + 1 : n * 2) {
        const auto part = read_proxy_header(bytes.substr(0, n));
        if (part.is == state::incomplete) must(part.size > n);
        if (part.is == state::complete)
            must(whole.is == state::complete && whole.size == part.size &&
                 whole.source.has_value() == part.source.has_value() &&
                 whole.common_name == part.common_name && whole.authority == part.authority);
        if (part.is == state::malformed) must(whole.is == state::malformed);
    }
    return 0;
}
