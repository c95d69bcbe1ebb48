// Segments as buffers of one worker: each is wrapped once, and slices of the mapping travel in DATA
// frames without a copy.
#pragma once

#include "log/segment.hpp"

#include <weft/slice.hpp>
#include <weft/worker.hpp>

#include <memory>
#include <unordered_map>

namespace weft::kafka {

// The segment stays mapped until the last slice cut from `base` is released.
struct mapped_segment {
    segment_ptr segment;
    chunk base;

    weft_slice slice(std::span<const uint8_t> part) const {
        return {base.slice().owner, part.data(), static_cast<uint32_t>(part.size()), 0};
    }
};

class segment_maps {
public:
    explicit segment_maps(weft::worker w) : worker_(w) {}
    // Shared by all readers of the worker. Throws std::bad_alloc when the host has no memory.
    std::shared_ptr<mapped_segment> get(const segment_ptr& s);

private:
    weft::worker worker_;
    std::unordered_map<const segment*, std::weak_ptr<mapped_segment>> maps_;
};

}  // namespace weft::kafka
