// topic_aliases: the topic aliases of deliveries to one client (3.3.2.3.4). A topic has one place,
// by its hash: looked for in one step, and a topic that is delivered often keeps its alias unless
// another of the same place comes. Holds memory only for a client that takes aliases and has got a
// topic worth one.
#pragma once

#include <weft/hash.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace weft::mqtt {

class topic_aliases {
public:
    // A shorter topic costs no more than its alias.
    static constexpr size_t topic_bytes_min = 8;

    explicit topic_aliases(uint32_t maximum) : maximum_(maximum) {}

    struct choice {
        uint16_t alias = 0;  // 0: none
        bool known = false;  // the client has it: the topic need not be sent
    };
    choice choose(std::string_view topic) const {
        if (topic.size() < topic_bytes_min) return {};
        const uint32_t place = place_of(topic);
        return {static_cast<uint16_t>(place + 1), topics_ && topics_[place] == topic};
    }
    // The packet with this topic and its alias goes out.
    void sent(std::string_view topic) {
        if (!topics_) topics_ = std::make_unique<std::string[]>(maximum_);
        topics_[place_of(topic)] = topic;
    }

private:
    uint32_t place_of(std::string_view topic) const {
        const uint32_t h = fnv1a_32(topic);
        return (h ^ h >> 16) % maximum_;
    }

    std::unique_ptr<std::string[]> topics_;
    uint32_t maximum_;
};

}  // namespace weft::mqtt
