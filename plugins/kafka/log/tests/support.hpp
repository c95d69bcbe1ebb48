// Helpers of the log tests: a folder that goes away, records, and reading everything back.
#pragma once

#include "log/cursor.hpp"

#include <weft/meta.hpp>

#include <filesystem>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

namespace weft::kafka::test {

class temp_folder {
public:
    temp_folder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "weft-log-XXXXXX").string();
        path_ = mkdtemp(pattern.data());
    }
    ~temp_folder() { std::filesystem::remove_all(path_); }
    const std::string& path() const { return path_; }

private:
    std::string path_;
};

struct record {
    int64_t offset = 0;
    std::optional<std::string> key;
    std::optional<std::string> value;
    int64_t timestamp_ms = 1000;
    std::vector<std::pair<std::string, std::optional<std::string>>> headers = {};
    bool operator==(const record&) const = default;
    friend void PrintTo(const record& r, std::ostream* out) {
        *out << r.offset << ":" << r.key.value_or("null");
    }
};

inline const weft_meta* encode(meta_writer<weft_kafka_record>& m, const record& r) {
    m.clear();
    const weft_ref key = m.maybe_text(r.key);
    const weft_ref headers = r.headers.empty() ? weft_ref{} : m.list<weft_pair>(r.headers.size());
    for (size_t i = 0; i < r.headers.size(); ++i) {
        const weft_ref name = m.text(r.headers[i].first);
        const weft_ref value = m.maybe_text(r.headers[i].second);
        m.item<weft_pair>(headers, i) = {name, value};
    }
    m->offset = r.offset;
    m->timestamp_ms = r.timestamp_ms;
    m->key = key;
    m->headers = headers;
    m->flags = r.value ? 0u : static_cast<uint32_t>(WEFT_KAFKA_NULL_VALUE);
    return m.get();
}

inline record decode(const record_view& v) {
    const meta_view<weft_kafka_record> m(v.meta());
    record r;
    r.offset = m->offset;
    r.timestamp_ms = m->timestamp_ms;
    if (const auto k = m.maybe_text(m->key)) r.key = std::string(*k);
    for (const auto& p : m.list<weft_pair>(m->headers)) {
        const auto value = m.maybe_text(p.value);
        r.headers.emplace_back(m.text(p.name),
                               value ? std::optional(std::string(*value)) : std::nullopt);
    }
    if (!v.null_value())
        r.value = std::string(reinterpret_cast<const char*>(v.value().data()), v.value().size());
    return r;
}

inline partition_log::setup setup_in(const std::string& folder, log_limits limits = {}) {
    return {folder, {"cluster", "topic", 0}, limits, std::make_shared<memory_budget>(0), false};
}

inline log_batch::outcome append(log_batch& batch, partition_log& log, const record& r,
                                 int64_t now_ms = 2000) {
    meta_writer<weft_kafka_record> m;
    weft_slice s{};
    if (r.value)
        s = {nullptr, reinterpret_cast<const uint8_t*>(r.value->data()),
             static_cast<uint32_t>(r.value->size()), 0};
    return batch.append(log, *encode(m, r),
                        r.value ? std::span(&s, 1) : std::span<const weft_slice>(), now_ms);
}

inline void append_all(partition_log& log, const std::vector<record>& records) {
    log_batch batch;
    for (const auto& r : records) append(batch, log, r);
    batch.flush(2000);
}

inline std::vector<record> read_all(const std::shared_ptr<partition_log>& log, int64_t from = 0) {
    std::vector<record> out;
    cursor c(log, std::max(from, log->start()));
    record_view v;
    while (c.next(v) == read_state::record) out.push_back(decode(v));
    return out;
}

// Records with a given payload size, keys cycling through `keys`.
inline std::vector<record> some_records(int64_t from, int64_t to, size_t value_size = 100,
                                        int keys = 10) {
    std::vector<record> out;
    for (int64_t o = from; o < to; ++o)
        out.push_back({o,
                       "device/" + std::to_string(o % keys),
                       std::string(value_size, static_cast<char>('a' + o % 26)),
                       1000 + o,
                       {{"zilla:qos", "1"}, {"empty", ""}, {"null", std::nullopt}}});
    return out;
}

}  // namespace weft::kafka::test
