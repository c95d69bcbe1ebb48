// inbox: what has come from one client and cannot go on yet. Exists only while there is something
// in it.
//
//   waiting  publishes without credit of the exit stream, or whose payload has not all come, in
//   order unread   bytes behind them that are not decoded yet
#pragma once

#include "utf8.hpp"

#include <weft/slice.hpp>
#include <weft/stream.hpp>

#include <cstdint>
#include <deque>
#include <vector>

namespace weft::mqtt {

struct waiting_publish {
    std::vector<uint64_t> meta;  // the block to send with INIT; empty once it has gone
    std::deque<chunk> payload;   // arrived, not sent
    chunk gathering;             // small fragments are copied together here, then moved to payload
    uint8_t* gather_to = nullptr;
    uint32_t gathered = 0;
    stream to;
    uint32_t unsent = 0;   // bytes in payload
    uint32_t to_come = 0;  // payload bytes that the client has not sent yet
    uint16_t packet_id = 0;
    uint8_t qos = 0;
    bool is_text = false;  // Payload Format Indicator 1
    utf8_checker text;

    bool whole() const { return to_come == 0; }
    bool untouched() const { return !meta.empty(); }
};

// Input kept until it may be decoded. Small pieces are copied together: each would hold a whole
// receive buffer otherwise.
struct unread_piece {
    chunk bytes;
    uint32_t from = 0, to = 0;
    uint8_t* append_at = nullptr;  // of a piece of ours that has room
    uint32_t room = 0;
};

struct inbox {
    std::deque<waiting_publish> waiting;
    std::deque<unread_piece> unread;
    uint32_t waiting_bytes = 0;  // payload and metadata of all that wait

    bool empty() const { return waiting.empty() && unread.empty(); }
};

}  // namespace weft::mqtt
