// Sends records of a log on a stream, straight from the mapping.
#pragma once

#include "log/cursor.hpp"
#include "segment_maps.hpp"

#include <weft/stream.hpp>

namespace weft::kafka {

class record_sender {
public:
    record_sender(stream s, segment_maps& maps) : stream_(s), maps_(maps) {}

    enum class outcome : uint8_t { sent, no_credit, too_large };
    // `where` holds the record. `too_large`: the receiver's window will never have room for it.
    outcome send(const record_view& r, const segment_ptr& where);
    void on_window(const weft_window& w) { window_max_ = w.maximum; }

private:
    stream stream_;
    segment_maps& maps_;
    std::shared_ptr<mapped_segment> map_;  // of the segment sent from last
    uint32_t window_max_ = 0;
};

}  // namespace weft::kafka
