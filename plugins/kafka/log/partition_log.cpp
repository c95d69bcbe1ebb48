#include "partition_log.hpp"

#include <fcntl.h>
#include <algorithm>
#include <cerrno>
#include <filesystem>

namespace weft::kafka {

namespace fs = std::filesystem;

namespace {

constexpr size_t batch_bytes_max = 256u << 10;
constexpr uint32_t page = 4096;

// "00000000000000000042.log"
bool segment_name(const std::string& name) {
    return name.size() == 24 && name.ends_with(".log") &&
           std::all_of(name.begin(), name.begin() + 20,
                       [](char c) { return c >= '0' && c <= '9'; });
}

void remove_files(const std::string& log_path) {
    std::error_code
        ignored;  // gone or not: it is not used again either way, and the next open sees it
    fs::remove(log_path, ignored);
    fs::remove(log_path.substr(0, log_path.size() - 4) + ".index", ignored);
}

// The entries were made for another segment.
void sign_again(std::vector<uint8_t>& entries, uint64_t salt) {
    for (size_t at = 0; at < entries.size();) {
        auto& h = *reinterpret_cast<entry_header*>(entries.data() + at);
        h.checksum = checksum_entry(entries.data() + at, h.size, salt);
        at += h.size;
    }
}

}  // namespace

std::shared_ptr<partition_log> partition_log::open(setup s) {
    std::shared_ptr<partition_log> log(new partition_log(std::move(s)));
    log->load();
    return log;
}

void partition_log::erase(const std::string& directory) {
    std::error_code ignored;
    fs::remove_all(directory, ignored);
}

segment_list partition_log::load_files() {
    std::error_code ec;
    fs::create_directories(setup_.directory, ec);
    if (ec) {
        set_degraded({ec.value(), "make folder " + setup_.directory + ": " + ec.message()});
        return {};
    }
    std::vector<std::string> paths;
    for (const auto& e : fs::directory_iterator(setup_.directory, ec)) {
        const std::string name = e.path().filename().string();
        if (segment_name(name)) {
            paths.push_back(e.path().string());
        } else if (name.ends_with(".new") || name == cleaning_folder) {
            std::error_code ignored;
            fs::remove_all(e.path(), ignored);
        }
    }
    std::sort(paths.begin(), paths.end());

    segment_list list;
    for (const auto& path : paths) {
        auto s = segment::open(path, setup_.identity, setup_.limits);
        const bool replaced = !list.empty() && s && (*s)->base() < list.back()->covers_to();
        // A cleaned one may have nothing left and still says that there is nothing.
        const bool telling = s && (!(*s)->empty() || ((*s)->flags() & segment_cleaned));
        if (s && !replaced && telling) {
            // Does it join the one before? If not, the newer part is worth more.
            if (!list.empty() && (*s)->follows() != list.back()->next()) {
                notices_.push_back(
                    {false, path + ": records before it are missing, older segments are dropped"});
                for (auto& older : list) older->remove_file();
                list.clear();
            }
            list.push_back(std::move(*s));
        } else {
            if (!s) notices_.push_back({false, s.error().text + "; deleted"});
            remove_files(path);
        }
    }
    return list;
}

void partition_log::load() {
    segment_list list = load_files();
    if (list.empty()) return;
    for (size_t i = 0; i + 1 < list.size(); ++i) {
        if (auto r = list[i]->seal(); !r) notices_.push_back({false, r.error().text});
    }
    if (!list.back()->sealed()) head_ = list.back();
    last_next_ = list.back()->next();
    next_.store(last_next_, std::memory_order_release);
    publish(std::move(list));
}

void partition_log::publish(segment_list list) {
    auto fresh = std::make_shared<log_snapshot>();
    fresh->start =
        list.empty() ? last_next_.load(std::memory_order_relaxed) : list.front()->follows();
    fresh->segments = std::move(list);
    std::shared_ptr<const log_snapshot> published = std::move(fresh);
    const std::lock_guard lock(mutex_);
    snapshot_.swap(published);
}

std::shared_ptr<const log_snapshot> partition_log::snapshot() const {
    const std::lock_guard lock(mutex_);
    return snapshot_;
}

uint64_t partition_log::bytes() const {
    uint64_t n = 0;
    for (const auto& s : snapshot()->segments) n += s->readable();
    return n;
}

void partition_log::advance(int64_t next) {
    if (next <= next_.load(std::memory_order_relaxed)) return;
    if (last_next_.load(std::memory_order_relaxed) < 0) {
        last_next_.store(next, std::memory_order_release);
        publish(snapshot()->segments);  // an empty log that knows where it begins
    }
    next_.store(next, std::memory_order_release);
}

bool partition_log::has_room(uint64_t bytes) const {
    return head_ && !head_->sealed() && head_->capacity() - head_->readable() >= bytes &&
           head_->index_bytes() < setup_.limits.head_index_bytes_max;
}

result<bool> partition_log::reserve(uint64_t bytes, int64_t now_ms) {
    if (has_room(bytes)) return true;
    return roll(bytes, now_ms);
}

result<bool> partition_log::roll(uint64_t bytes, int64_t now_ms) {
    close_head();
    auto s = make_file(bytes, now_ms);
    if (!s) {
        set_degraded(s.error());
        s = make_memory(bytes, now_ms);
        if (!s) {
            break_off(s.error());
            return s.error();
        }
    }
    begin_head(std::move(*s));
    retain(now_ms);
    return true;
}

void partition_log::close_head() {
    if (!head_) return;
    if (auto r = head_->seal(); !r) note(false, r.error().text);
    if (head_->empty()) {  // the next one may have the same base, and names go by it
        head_->remove_file();
        segment_list list = snapshot()->segments;
        list.pop_back();
        publish(std::move(list));
    }
    head_.reset();
}

void partition_log::begin_head(segment_ptr s) {
    head_ = std::move(s);
    segment_list list = snapshot()->segments;
    list.push_back(head_);
    publish(std::move(list));
}

segment::origin partition_log::origin(uint64_t capacity, int64_t now_ms) const {
    segment::origin o{setup_.directory, setup_.identity, setup_.limits};
    o.base = next_.load(std::memory_order_relaxed);
    o.follows = last_next_;
    o.now_ms = now_ms;
    o.capacity = static_cast<uint32_t>((capacity + page - 1) / page * page);
    return o;
}

result<segment_ptr> partition_log::make_file(uint64_t bytes, int64_t now_ms) {
    const auto& l = setup_.limits;
    const segment_list list = snapshot()->segments;
    const uint64_t wanted = list.empty() ? 0 : uint64_t{list.back()->readable()} * l.segment_growth;
    const auto capacity = std::clamp<uint64_t>(wanted, l.segment_bytes_first, l.segment_bytes);
    auto s = segment::create(origin(std::max(capacity, header_bytes + bytes), now_ms));
    if (s && degraded_.exchange(false))
        note(false, setup_.directory + ": the disk takes records again");
    return s;
}

result<segment_ptr> partition_log::make_memory(uint64_t bytes, int64_t now_ms) {
    const auto o = origin(
        std::max<uint64_t>(setup_.limits.memory_segment_bytes, header_bytes + bytes), now_ms);
    // Room is made at our own expense: a log that is full of memory segments gives up its oldest.
    while (setup_.memory->load(std::memory_order_relaxed) + o.capacity >
           setup_.limits.memory_bytes_max) {
        const segment_list list = snapshot()->segments;
        const auto it =
            std::find_if(list.begin(), list.end(), [](const auto& s) { return s->in_memory(); });
        if (it == list.end()) break;
        // What is older than a hole is of no use to readers.
        const segment_list gone(list.begin(), it + 1);
        for (const auto& s : gone) drop(s);
    }
    auto s = segment::create_in_memory(o);
    if (s) (*s)->charge(setup_.memory);
    return s;
}

void partition_log::set_degraded(const log_error& why) {
    if (degraded_.exchange(true)) return;
    note(true, why.text + "; new records stay in memory, older ones are read from Kafka");
}

result<bool> partition_log::write(std::vector<uint8_t>& entries, int64_t next, int64_t now_ms) {
    auto r = head_->append(entries, next);
    if (!r && !head_->in_memory()) {
        // The file ends where it is readable; what was half written behind that does not pass its
        // checksum.
        set_degraded(r.error());
        close_head();
        auto memory = make_memory(entries.size(), now_ms);
        if (memory) {
            begin_head(std::move(*memory));
            sign_again(entries, head_->salt());
            r = head_->append(entries, next);
        } else {
            r = memory.error();
        }
    }
    if (!r) {
        break_off(r.error());
        return r;
    }
    last_next_ = next;
    next_.store(next, std::memory_order_release);
    return true;
}

void partition_log::drop(const segment_ptr& s) {
    segment_list list = snapshot()->segments;
    const auto it = std::find(list.begin(), list.end(), s);
    if (it == list.end() || s == head_) return;
    s->remove_file();
    list.erase(it);
    publish(std::move(list));
}

void partition_log::break_off(const log_error& why) {
    broken_ = true;
    note(true, why.text + "; records will be fetched again");
}

void partition_log::maintain(int64_t now_ms) {
    if (degraded() && head_ && head_->in_memory()) retry_disk(now_ms);
    retain(now_ms);
}

void partition_log::retry_disk(int64_t now_ms) {
    auto s = make_file(0, now_ms);
    if (!s) return;
    close_head();
    begin_head(std::move(*s));
}

void partition_log::retain(int64_t now_ms) {
    // A compacted topic's oldest records may be the newest of their key: the cleaner keeps it small
    // instead.
    if (setup_.compacted) return;
    const auto now = snapshot();
    const auto& list = now->segments;
    uint64_t total = 0;
    for (const auto& s : list) total += s->readable();
    for (const auto& s : list) {
        const bool old = s->newest_ms() < now_ms - setup_.limits.retention_ms;
        if (s == list.back() || (total <= setup_.limits.retention_bytes && !old)) return;
        total -= s->readable();
        drop(s);
    }
}

void partition_log::replace(const segment_list& old, const segment_list& cleaned) {
    segment_list list = snapshot()->segments;
    const auto first = std::find(list.begin(), list.end(), old.front());
    if (static_cast<size_t>(list.end() - first) < old.size() ||
        !std::equal(old.begin(), old.end(), first))
        return;  // dropped meanwhile
    // Each takes the name of the first that it stands for, and covers the others: whatever is left
    // half done, the next open finds every offset once.
    for (const auto& s : cleaned) {
        if (auto r = s->move_to(setup_.directory); !r) return note(false, r.error().text);
    }
    for (const auto& o : old) {
        if (std::none_of(cleaned.begin(), cleaned.end(),
                         [&](const auto& s) { return s->path() == o->path(); }))
            o->remove_file();
    }
    const auto at = list.erase(first, first + static_cast<std::ptrdiff_t>(old.size()));
    list.insert(at, cleaned.begin(), cleaned.end());
    publish(std::move(list));
}

log_batch::outcome log_batch::append(partition_log& log, const weft_meta& record,
                                     std::span<const weft_slice> value, int64_t now_ms) {
    if (!storable(&record)) return outcome::refused;
    uint64_t value_size = 0;
    for (const auto& s : value) value_size += s.len;
    const uint64_t size = entry_size(record, value_size);
    if (size > log.options().limits.record_bytes_max) return outcome::refused;
    const int64_t offset = reinterpret_cast<const weft_kafka_record&>(record).offset;

    if (log_ != &log || bytes_.size() + size > batch_bytes_max) flush(now_ms);
    if (log.broken()) return outcome::broken;
    if (offset < (bytes_.empty() ? log.next() : next_)) return outcome::known;
    if (!bytes_.empty() && !log.has_room(bytes_.size() + size)) flush(now_ms);
    if (log.broken()) return outcome::broken;
    if (bytes_.empty()) {
        log.advance(offset);  // nothing lies between; an empty log begins here
        if (auto r = log.reserve(size, now_ms); !r) return outcome::broken;
    }
    log_ = &log;
    encode_entry(bytes_, record, value, log.salt());
    next_ = offset + 1;
    return outcome::stored;
}

void log_batch::flush(int64_t now_ms) {
    if (bytes_.empty()) return;
    // A failure is the log's to tell: it is broken() then and has a notice.
    (void)log_->write(bytes_, next_, now_ms);
    bytes_.clear();
    if (bytes_.capacity() > batch_bytes_max * 2) bytes_.shrink_to_fit();
}

}  // namespace weft::kafka
