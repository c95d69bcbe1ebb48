#include "support.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>
#include <atomic>
#include <fstream>
#include <thread>

namespace weft::kafka {
namespace {

using namespace test;
namespace fs = std::filesystem;

log_limits small() {
    log_limits l;
    l.segment_bytes_first = 4096;
    l.segment_bytes = 16384;
    l.index_interval_bytes = 512;
    return l;
}

std::vector<fs::path> files(const std::string& folder, const std::string& suffix) {
    std::vector<fs::path> out;
    for (const auto& e : fs::directory_iterator(folder))
        if (e.path().string().ends_with(suffix)) out.push_back(e.path());
    std::sort(out.begin(), out.end());
    return out;
}

TEST(partition_log, gives_back_what_was_appended) {
    temp_folder dir;
    auto log = partition_log::open(setup_in(dir.path()));
    EXPECT_EQ(log->next(), -1);
    const std::vector<record> records = {{5, "k", "v", 7, {{"h", "x"}}},
                                         {6, std::nullopt, std::nullopt},
                                         {9, "", ""},
                                         {12, "k", std::string(70000, 'z')}};
    append_all(*log, records);
    EXPECT_EQ(read_all(log), records);
    EXPECT_EQ(log->start(), 5);
    EXPECT_EQ(log->next(), 13);
    EXPECT_FALSE(log->degraded());
}

TEST(partition_log, is_read_from_any_offset) {
    temp_folder dir;
    auto log = partition_log::open(setup_in(dir.path(), small()));
    std::vector<record> records;
    for (int64_t o = 10; o < 1000; o += 3) records.push_back({o, "k", std::string(50, 'x')});
    append_all(*log, records);
    ASSERT_GT(log->snapshot()->segments.size(), 3u);
    for (int64_t from = 10; from <= 1000; ++from) {
        const auto expected = std::find_if(records.begin(), records.end(),
                                           [&](const auto& r) { return r.offset >= from; });
        cursor c(log, from);
        record_view v;
        if (expected == records.end()) {
            EXPECT_EQ(c.next(v), read_state::end);
        } else {
            ASSERT_EQ(c.next(v), read_state::record);
            EXPECT_EQ(v.offset(), expected->offset);
        }
    }
    cursor before(log, 9);
    record_view v;
    EXPECT_EQ(before.next(v), read_state::lost);
}

TEST(partition_log, ignores_offsets_that_it_has) {
    temp_folder dir;
    auto log = partition_log::open(setup_in(dir.path()));
    log_batch batch;
    EXPECT_EQ(append(batch, *log, {5, "a", "1"}), log_batch::outcome::stored);
    EXPECT_EQ(append(batch, *log, {5, "a", "1"}), log_batch::outcome::known);
    batch.flush(0);
    EXPECT_EQ(append(batch, *log, {4, "a", "1"}), log_batch::outcome::known);
    EXPECT_EQ(append(batch, *log, {6, "a", "2"}), log_batch::outcome::stored);
    batch.flush(0);
    EXPECT_EQ(read_all(log).size(), 2u);
}

TEST(partition_log, refuses_what_is_too_large_or_malformed) {
    temp_folder dir;
    auto l = small();
    l.record_bytes_max = 1000;
    auto log = partition_log::open(setup_in(dir.path(), l));
    log_batch batch;
    EXPECT_EQ(append(batch, *log, {5, "a", std::string(1000, 'x')}), log_batch::outcome::refused);
    meta_writer<weft_kafka_record> m;
    m->key = {60, 1000};  // leaves the block
    EXPECT_EQ(batch.append(*log, *m.get(), {}, 0), log_batch::outcome::refused);
    EXPECT_TRUE(batch.empty());
}

TEST(partition_log, is_there_again_after_a_restart) {
    temp_folder dir;
    const auto records = some_records(0, 300);
    {
        auto log = partition_log::open(setup_in(dir.path(), small()));
        append_all(*log, records);
    }
    auto log = partition_log::open(setup_in(dir.path(), small()));
    EXPECT_EQ(read_all(log), records);
    EXPECT_EQ(log->next(), 300);
    const auto more = some_records(300, 600);
    append_all(*log, more);
    EXPECT_EQ(read_all(log, 300), more);
}

TEST(partition_log, starts_cold_for_another_cluster_topic_or_version) {
    temp_folder dir;
    append_all(*partition_log::open(setup_in(dir.path(), small())), some_records(0, 100));
    auto other = setup_in(dir.path(), small());
    other.identity.cluster_id = "another";
    auto log = partition_log::open(other);
    EXPECT_EQ(log->next(), -1);
    EXPECT_TRUE(files(dir.path(), ".log").empty());
    EXPECT_FALSE(log->take_notices().empty());
}

TEST(partition_log, an_offset_without_records_is_skipped_by_advance) {
    temp_folder dir;
    auto log = partition_log::open(setup_in(dir.path(), small()));
    log->advance(100);
    EXPECT_EQ(log->next(), 100);
    EXPECT_EQ(log->start(), 100);
    log->advance(105);
    EXPECT_EQ(log->start(), 100);
    append_all(*log, {{107, "a", "1"}});
    cursor c(log, 100);
    record_view v;
    ASSERT_EQ(c.next(v), read_state::record);
    EXPECT_EQ(v.offset(), 107);
}

TEST(partition_log, deletes_by_size_and_keeps_the_head) {
    temp_folder dir;
    auto l = small();
    l.retention_bytes = 40000;
    auto log = partition_log::open(setup_in(dir.path(), l));
    append_all(*log, some_records(0, 2000));
    EXPECT_LT(log->bytes(), 40000u + l.segment_bytes);
    EXPECT_GT(log->start(), 0);
    EXPECT_EQ(files(dir.path(), ".log").size(), log->snapshot()->segments.size());
    EXPECT_EQ(read_all(log).back().offset, 1999);
    EXPECT_EQ(read_all(log).front().offset, log->start());
}

TEST(partition_log, deletes_by_age) {
    temp_folder dir;
    auto l = small();
    l.retention_ms = 5000;
    auto log = partition_log::open(setup_in(dir.path(), l));
    append_all(*log, some_records(0, 500));
    ASSERT_GT(log->snapshot()->segments.size(), 2u);
    log->maintain(1'000'000);
    EXPECT_EQ(log->snapshot()->segments.size(), 1u);
}

TEST(partition_log, a_reader_keeps_what_retention_deletes) {
    temp_folder dir;
    auto log = partition_log::open(setup_in(dir.path(), small()));
    append_all(*log, some_records(0, 500));
    cursor c(log, 0);
    record_view v;
    ASSERT_EQ(c.next(v), read_state::record);
    log->maintain(100ll * 24 * 3600 * 1000);  // all but the head is too old now
    int64_t last = 0;
    read_state s = read_state::record;
    while ((s = c.next(v)) == read_state::record) last = v.offset();
    EXPECT_GT(last, 5);  // to the end of the segment it held
    EXPECT_EQ(s, read_state::lost);
    EXPECT_EQ(c.wanted(), last + 1);
}

// A file-size limit is the disk that is full: pwrite and fallocate fail.
class full_disk {
public:
    explicit full_disk(rlim_t bytes) {
        signal(SIGXFSZ, SIG_IGN);
        getrlimit(RLIMIT_FSIZE, &before_);
        rlimit now = before_;
        now.rlim_cur = bytes;
        setrlimit(RLIMIT_FSIZE, &now);
    }
    ~full_disk() { setrlimit(RLIMIT_FSIZE, &before_); }

private:
    rlimit before_{};
};

TEST(partition_log, goes_on_in_memory_when_no_segment_can_be_made) {
    temp_folder dir;
    const auto records = some_records(0, 400);
    auto log = partition_log::open(setup_in(dir.path(), small()));
    append_all(*log, {records.begin(), records.begin() + 100});
    const std::string missing = dir.path();
    fs::permissions(missing, fs::perms::none);
    if (geteuid() == 0) fs::remove_all(missing);  // permissions do not bind root
    append_all(*log, {records.begin() + 100, records.end()});
    EXPECT_TRUE(log->degraded());
    EXPECT_EQ(read_all(log), records);
    const auto notices = log->take_notices();
    ASSERT_FALSE(notices.empty());
    EXPECT_TRUE(notices.back().error);

    fs::create_directories(missing);
    fs::permissions(missing, fs::perms::owner_all);
    log->maintain(0);
    EXPECT_FALSE(log->degraded());
    const auto more = some_records(400, 500);
    append_all(*log, more);
    EXPECT_EQ(read_all(log, 400), more);
    EXPECT_EQ(read_all(log, 0).size(), 500u);  // what is in memory still joins

    // After a restart the hole shows: only what is behind it is used.
    log.reset();
    log = partition_log::open(setup_in(dir.path(), small()));
    EXPECT_EQ(log->start(), 400);
    EXPECT_EQ(read_all(log), more);
}

TEST(partition_log, a_write_that_fails_half_way_moves_to_memory) {
    temp_folder dir;
    const auto records = some_records(0, 60);
    auto l = small();
    l.segment_bytes_first = 64 << 10;
    l.memory_segment_bytes = 4096;  // below the limit, which binds memory, too
    auto log = partition_log::open(setup_in(dir.path(), l));
    append_all(*log, {records.begin(), records.begin() + 10});
    {
        const full_disk full(
            6000);  // the file is longer already: writes beyond fail, those below do not
        for (size_t i = 10; i < records.size(); ++i) append_all(*log, {records[i]});
    }
    EXPECT_TRUE(log->degraded());
    EXPECT_EQ(read_all(log), records);
    log.reset();
    log = partition_log::open(setup_in(dir.path(), l));
    const auto left = read_all(log);
    ASSERT_GE(left.size(), 10u);
    EXPECT_EQ(left, std::vector<record>(records.begin(),
                                        records.begin() + static_cast<long>(left.size())));
}

TEST(partition_log, is_broken_when_memory_is_out_too_and_mends) {
    temp_folder dir;
    const auto records = some_records(0, 60);
    auto l = small();
    l.segment_bytes_first = 64 << 10;
    auto log = partition_log::open(setup_in(dir.path(), l));
    {
        const full_disk full(6000);
        append_all(*log, records);
        EXPECT_TRUE(log->broken());
        log_batch batch;
        EXPECT_EQ(append(batch, *log, {100, "a", "b"}), log_batch::outcome::broken);
    }
    const auto kept = read_all(log);
    EXPECT_LT(kept.size(), records.size());
    log->mend();
    append_all(*log, {records.begin() + std::max<int64_t>(log->next(), 0), records.end()});
    EXPECT_EQ(read_all(log), records);
}

TEST(partition_log, memory_segments_are_bounded) {
    temp_folder dir;
    auto l = small();
    l.memory_segment_bytes = 8192;
    l.memory_bytes_max = 32768;
    auto s = setup_in(dir.path() + "/gone/x", l);
    std::ofstream(dir.path() + "/gone") << "a file where a folder should be";
    auto log = partition_log::open(s);
    EXPECT_TRUE(log->degraded());
    append_all(*log, some_records(0, 2000));
    EXPECT_LE(s.memory->load(), 32768u);
    EXPECT_EQ(log->next(), 2000);
    EXPECT_EQ(read_all(log).back().offset, 1999);
    EXPECT_GT(log->start(), 1000);
    const auto budget = s.memory;
    log.reset();
    EXPECT_EQ(budget->load(), 0u);
}

// Bytes of the files below a folder that are mapped and in memory, as the kernel counts them.
uint64_t mapped_kib(const std::string& folder) {
    std::ifstream maps("/proc/self/smaps");
    uint64_t sum = 0;
    bool ours = false;
    for (std::string line; std::getline(maps, line);) {
        const bool begins_another = line.find('-') < line.find(' ');
        if (begins_another) ours = line.find(folder) != line.npos;
        if (ours && line.starts_with("Rss:")) sum += std::stoull(line.substr(4));
    }
    return sum;
}

TEST(partition_log, does_not_stay_in_memory_as_a_whole) {
    temp_folder folder;
    auto log = partition_log::open(setup_in(folder.path()));
    const std::string value(1000, 'v');
    for (int64_t i = 0; i < 8000; ++i) append_all(*log, {{i, "k", value}});
    const auto at_most = 2 * segment::mapped_behind_bytes / 1024 + 64;
    EXPECT_LE(mapped_kib(folder.path()), at_most);
    EXPECT_EQ(read_all(log).size(), 8000u);
    EXPECT_LE(mapped_kib(folder.path()), 6u << 10) << "read: no more than the head stays";
}

TEST(partition_log, is_read_while_it_is_written) {
    temp_folder dir;
    constexpr int64_t count = 20000;
    auto log = partition_log::open(setup_in(dir.path(), small()));
    log->advance(0);
    std::atomic<bool> failed{false};
    std::string why[2];
    const auto read = [&](bool filtered) {
        cursor plain(log, 0);
        filtered_cursor::query q;
        q.to = count;
        if (filtered) q.filters.add_levels("device/+");
        filtered_cursor by_filter(log, std::move(q));
        record_view v;
        for (int64_t expected = 0; expected < count && !failed;) {
            uint32_t budget = 1000;
            const auto s = filtered ? by_filter.next(v, budget) : plain.next(v);
            if (s == read_state::lost)
                why[filtered] = "lost at " + std::to_string(expected) + ", log from " +
                                std::to_string(log->start());
            if (s == read_state::record) {
                const auto r = decode(v);
                if (r.offset != expected || r.key != "device/" + std::to_string(expected % 10))
                    why[filtered] = "offset " + std::to_string(r.offset) + " instead of " +
                                    std::to_string(expected);
                ++expected;
            }
            if (!why[filtered].empty()) failed = true;
        }
    };
    std::thread a(read, false), b(read, true);
    log_batch batch;
    for (const auto& r : some_records(0, count)) {
        append(batch, *log, r);
        if (r.offset % 7 == 0) batch.flush(0);
    }
    batch.flush(0);
    a.join();
    b.join();
    EXPECT_EQ(why[0], "");
    EXPECT_EQ(why[1], "");
}

}  // namespace
}  // namespace weft::kafka
