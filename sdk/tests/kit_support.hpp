// A binding whose every step a test writes down: what kit tests break rules with.
#pragma once

#include <weft/plugin.hpp>
#include <weft/testing.hpp>

#include <gmock/gmock.h>

#include <functional>

extern "C" const weft_plugin* weft_plugin_1(void);

namespace kit {

struct script {
    std::function<void(weft::worker)> attach, detach;
    // What accept does, before it returns the endpoint; false refuses the stream.
    std::function<bool(weft::worker, weft::stream, const weft_begin&)> accept;
    std::function<void(weft::worker, weft::stream, const weft_frame&)> frame;
    std::function<void(weft::worker, weft::stream)> closed;
    std::function<void(weft::worker, uint32_t why)> drain;
    uint64_t exit = 0;  // of the last route, set when attached
};
inline script play;  // one binding at a time

class kit_test : public ::testing::Test {
protected:
    kit_test() { play = {}; }

    // Runs `f` and returns the rules that were broken meanwhile, in order.
    std::vector<std::string> broken(const std::function<void()>& f) {
        std::vector<std::string> rules;
        host.on_violation([&](const weft::testing::violation& v) { rules.push_back(v.rule); });
        f();
        host.on_violation(nullptr);
        return rules;
    }
    weft::testing::host host;
};

inline weft_slice fixed(std::string_view text) {  // static memory
    return {nullptr, reinterpret_cast<const uint8_t*>(text.data()),
            static_cast<uint32_t>(text.size()), 0};
}

}  // namespace kit
