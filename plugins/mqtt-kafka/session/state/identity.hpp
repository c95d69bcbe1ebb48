// Who claims sessions: this process, whatever generation of the plugin runs in it.
#pragma once

#include <weft/shared.hpp>

#include <atomic>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>

namespace weft::mqtt_kafka {

// Random text in the form of a UUID.
inline std::string random_id() {
    static constexpr char digits[] = "0123456789abcdef";
    std::random_device source;
    std::string out;
    for (int i = 0; i < 32; ++i) {
        if (i == 8 || i == 12 || i == 16 || i == 20) out.push_back('-');
        out.push_back(digits[source() & 15]);
    }
    return out;
}

// Plain data, shared by generations.
struct process_identity {
    process_identity() {
        const std::string text = "weft-" + random_id();
        text.copy(id, sizeof id - 1);
        std::random_device source;
        nonces = uint64_t{source()} << 24;
    }
    char id[48] = {};
    std::atomic<uint64_t> nonces;  // of connections: each has its own in this process
};

class instance_identity {
public:
    instance_identity()
        : shared_(shared_ref<process_identity>::acquire("weft.mqtt-kafka.identity", 1)) {}
    std::string_view id() const { return shared_->id; }
    int64_t next_nonce() { return static_cast<int64_t>(shared_->nonces++); }

private:
    shared_ref<process_identity> shared_;
};

}  // namespace weft::mqtt_kafka
