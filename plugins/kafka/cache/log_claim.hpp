// The right to write one partition's log, handed from one generation of a cache_server to the next.
//
// Two generations live side by side for a while, perhaps of different builds of the plugin, and a
// log has one writer: whoever has the claim. The object behind it is in weft.shared under the log's
// folder, of plain data, so any generation can read it. Callbacks of those who wait are in it only
// while they wait.
#pragma once

#include <weft/worker.hpp>

#include <cstdint>
#include <string>

namespace weft::kafka {

struct log_owner;

// Lives on one worker. Give it up only when nothing is written any more and all is written.
class log_claim {
public:
    // Throws when the host lacks weft.shared or another layout of the object is in use.
    explicit log_claim(const std::string& folder);
    ~log_claim();
    log_claim(const log_claim&) = delete;
    log_claim& operator=(const log_claim&) = delete;

    // True: the log is ours. False: somebody writes it; fn(ctx) is posted to `on` when it is worth
    // trying again, in the order of asking.
    bool take(weft::worker on, void (*fn)(void*), void* ctx);
    // Gives the log up, or stops waiting for it.
    void release();

private:
    std::string key_;
    log_owner* shared_ = nullptr;
};

}  // namespace weft::kafka
