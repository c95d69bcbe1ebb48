// Differential fuzzing of the codec. The first byte chooses whose packets these are, the version,
// and a split; the rest is the stream.
//   - fed at once, one byte at a time, and split: the same packets and the same error;
//   - encoded again and decoded again: the same packets.
#include "transcript.hpp"

#include <cstdlib>

using namespace weft::mqtt;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    const role sender = (data[0] & 1) ? role::server : role::client;
    const uint8_t known = (data[0] & 2) ? version_5 : version_311;
    // A client's version comes from its CONNECT, or is given to reach the other packets at once.
    const uint8_t version = sender == role::server || (data[0] & 4) ? known : version_unknown;
    const size_t piece = 2 + (data[0] >> 3);
    const uint32_t size_max = 64 * 1024;
    const bytes stream{data + 1, size - 1};

    const transcript whole = decode_all(stream, 0, sender, version, size_max);
    if (!(whole == decode_all(stream, 1, sender, version, size_max))) std::abort();
    if (!(whole == decode_all(stream, piece, sender, version, size_max))) std::abort();

    std::string again;
    for (const auto& p : whole.packets) again += p;
    const transcript second = decode_all(as_bytes(again), 0, sender, version, packet_size_limit);
    if (second.error != reason::success || second.packets != whole.packets) std::abort();
    return 0;
}
