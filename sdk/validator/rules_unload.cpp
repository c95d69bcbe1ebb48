// Rules of the end: nothing of the plugin is left in the process.
#include "rule.hpp"

#include <dlfcn.h>
#include <malloc.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

namespace weft::validator {
namespace {

using namespace std::chrono_literals;
using testing::peer;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

size_t entries(const char* directory) {
    const auto all = std::filesystem::directory_iterator(directory);
    return static_cast<size_t>(std::distance(begin(all), end(all)));
}

bool mapped(const std::string& file) {
    const auto path = std::filesystem::canonical(file).string();
    std::ifstream in("/proc/self/maps");
    for (std::string line; std::getline(in, line);)
        if (line.find(path) != std::string::npos) return true;
    return false;
}

// A thread that has been joined is gone for its process a moment before the system forgets it.
bool soon(const std::function<bool()>& done) {
    const auto end = std::chrono::steady_clock::now() + 2s;
    while (!done()) {
        if (std::chrono::steady_clock::now() > end) return false;
        std::this_thread::sleep_for(1ms);
    }
    return true;
}

// A life with some streams, in a host of its own.
void live(probe& p) {
    auto h = p.make_host();
    auto& b = p.run(*h);
    for (const auto& m : p.begins()) {
        peer& s = b.open(block(m));
        behave(s);
        if (!s.closed()) s.keep_window(4096);
        send_some(s, p.data());
        if (!s.closed()) s.end();
    }
    const callers sockets(*h, p.data());
    let_time_pass(*h, b);
    h->finish();
}

void exporter_life(probe& p) {
    testing::host h;
    auto& plugin = h.load(p.file());
    const auto* x = plugin.extension<weft_exporter_vt>(WEFT_EXPORTER);
    void* exporter = nullptr;
    weft_error e{};
    const auto config = p.config();
    if (const int32_t rc = x->create(plugin.self(), config.c_str(), &exporter, &e); rc != WEFT_OK)
        throw skipped("create refuses the generated configuration " + config + ": " + e.text);
    const std::string long_text(100'000, 'x');
    for (const char* text :
         {"The binding says so.", "", "\xff\xfe not UTF-8", "two\nlines", "\"", long_text.c_str()})
        for (const uint32_t level : {WEFT_DEBUG, WEFT_INFO, WEFT_WARN, WEFT_ERROR}) {
            const weft_event ev{sizeof ev, level,     1'700'000'000'000,        7,
                                "test",    "binding", "binding.validator.test", text};
            x->on_event(exporter, &ev);
        }
    x->destroy(exporter);
    h.finish();
}

void nothing_left(probe& p) {
    if (sanitized) throw skipped("sanitizers keep files mapped and threads of their own");
    // glibc and the C++ library set up things at their first use, which is not the plugin's doing.
    const size_t fds = entries("/proc/self/fd"), threads = entries("/proc/self/task");
    if (p.on().exporter)
        exporter_life(p);
    else
        live(p);
    if (!soon([&] { return entries("/proc/self/task") <= threads; }))
        throw failure("a thread of the plugin is still there after its unloading");
    if (mapped(p.file()))
        throw failure(
            "the file is still mapped after dlclose: a thread, a thread_local with a "
            "destructor or a unique symbol holds it");
    if (const size_t now = entries("/proc/self/fd"); now > fds)
        throw failure(std::to_string(now - fds) + " descriptors are left open");
}

void flat_memory(probe& p) {
    if (sanitized) throw skipped("sanitizers have an allocator of their own");
    // Loaded throughout: what dlopen itself keeps is not meant here.
    void* library = ::dlopen(p.file().c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) throw failure(::dlerror());
    const auto one = [&] { p.on().exporter ? exporter_life(p) : live(p); };
    constexpr size_t warm_up = 10, lives_min = 10, lives_max = 400;
    for (size_t i = 0; i < warm_up; ++i) one();
    const size_t before = ::mallinfo2().uordblks;
    size_t lives = 0;
    for (; lives < lives_max && (lives < lives_min || !p.long_enough()); ++lives) one();
    const size_t after = ::mallinfo2().uordblks;
    // The smallest block that can be forgotten, per life, beside the free blocks that malloc keeps
    // at hand and counts as used.
    constexpr size_t block_min = 32, kept_by_malloc = 4096;
    // What a library that the plugin uses keeps to itself, if its configuration says so.
    const auto& c = p.on().config;
    const size_t kept_by_library = c.is_object() ? c.value("library_keeps_bytes", size_t{0}) : 0;
    if (after > before + lives * (block_min + kept_by_library) + kept_by_malloc)
        throw failure("each life of a binding leaves " + std::to_string((after - before) / lives) +
                      " bytes (seen over " + std::to_string(lives) + " lives)");
    ::dlclose(library);
}

}  // namespace

std::vector<rule> unload_rules() {
    return {
        {"exporter", scope::exporter, "an exporter is created, gets events and is destroyed",
         exporter_life},
        {"unload", scope::binding, "no mapping, thread or descriptor is left after unloading",
         nothing_left},
        {"unload-exporter", scope::exporter,
         "no mapping, thread or descriptor is left after unloading", nothing_left},
        {"flat-memory", scope::binding, "hundreds of lives need no more memory than one",
         flat_memory},
        {"flat-memory-exporter", scope::exporter, "hundreds of lives need no more memory than one",
         flat_memory},
    };
}

}  // namespace weft::validator
