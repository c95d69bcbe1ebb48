// What a record and a librdkafka message have in common, copied into a metadata block.
#pragma once

#include <weft/meta.hpp>

#include <librdkafka/rdkafka.h>

namespace weft::kafka::client {

// Timestamp, key, headers and whether there is a value: for kafka.record and kafka.produce.
template <class Block>
void copy_message(meta_writer<Block>& out, const rd_kafka_message_t& m) {
    out->timestamp_ms = rd_kafka_message_timestamp(&m, nullptr);
    if (!m.payload) out->flags |= WEFT_KAFKA_NULL_VALUE;
    if (m.key) {
        const weft_ref key = out.bytes(m.key, m.key_len);
        out->key = key;
    }
    rd_kafka_headers_t* headers = nullptr;
    if (rd_kafka_message_headers(&m, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
    const size_t n = rd_kafka_header_cnt(headers);
    const weft_ref list = out.template list<weft_pair>(n);
    for (size_t i = 0; i < n; ++i) {
        const char* name = nullptr;
        const void* value = nullptr;
        size_t size = 0;
        rd_kafka_header_get_all(headers, i, &name, &value, &size);
        const weft_ref name_ref = out.text(name);
        const weft_ref value_ref = value ? out.bytes(value, size) : weft_ref{};
        out.template item<weft_pair>(list, i) = {name_ref, value_ref};
    }
    out->headers = list;
}

}  // namespace weft::kafka::client
