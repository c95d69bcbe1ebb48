// Any text, with variables set, empty and missing: no crash, no hang, and every problem at a place
// inside the text.
#include "fixture.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const auto installed = weft::config::fake_plugins();
    const std::string text(reinterpret_cast<const char*>(data), size);
    const auto lines = 1 + std::count(text.begin(), text.end(), '\n');
    const auto env = [](const std::string& name) -> std::optional<std::string> {
        if (name == "A") return "[x, {y: 1}]";
        if (name == "B") return "";
        return std::nullopt;
    };
    const auto all = weft::config::load_text("fuzz.yaml", text, installed, env);
    for (const auto& p : all.errors) {
        if (p.where.line > lines || p.text.empty()) std::abort();
    }
    for (const auto& b : all.config.bindings) b.problem_at("/options/x/0", "y");
    return 0;
}
