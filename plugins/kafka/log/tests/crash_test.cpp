// What kill -9, torn writes and rotten files leave is recognised: a prefix of what was written
// comes back, never anything else.
#include "support.hpp"

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <fstream>

namespace weft::kafka {
namespace {

using namespace test;
namespace fs = std::filesystem;

std::string slurp(const fs::path& p) {
    std::ifstream in(p, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}
void spill(const fs::path& p, const std::string& bytes) {
    std::ofstream(p, std::ios::binary | std::ios::trunc)
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

bool is_prefix(const std::vector<record>& got, const std::vector<record>& all) {
    return got.size() <= all.size() && std::equal(got.begin(), got.end(), all.begin());
}

log_limits one_segment() {
    log_limits l;
    l.segment_bytes_first = l.segment_bytes = 8192;
    return l;
}

struct crash : testing::Test {
    temp_folder dir;
    std::vector<record> records = some_records(0, 6, 20);
    fs::path file;
    std::string bytes;
    void SetUp() override {
        append_all(*partition_log::open(setup_in(dir.path(), one_segment())), records);
        file = dir.path() + "/00000000000000000000.log";
        bytes = slurp(file);
    }
    std::vector<record> reopened() {
        return read_all(partition_log::open(setup_in(dir.path(), one_segment())));
    }
};

TEST_F(crash, a_file_cut_anywhere_gives_a_prefix_and_takes_appends) {
    size_t seen = 0;
    for (size_t cut = 0; cut < 3000; ++cut) {
        spill(file, bytes.substr(0, cut));
        const auto got = reopened();
        ASSERT_TRUE(is_prefix(got, records)) << "cut at " << cut;
        ASSERT_GE(got.size(), seen);
        seen = got.size();
        if (cut % 97 == 0) {
            auto log = partition_log::open(setup_in(dir.path(), one_segment()));
            append_all(*log, {records.begin() + static_cast<long>(got.size()), records.end()});
            EXPECT_EQ(read_all(log), records);
            log.reset();
            EXPECT_EQ(reopened(), records);
        }
        for (const auto& e : fs::directory_iterator(dir.path())) fs::remove(e.path());
    }
    EXPECT_EQ(seen, records.size());
}

TEST_F(crash, a_flipped_byte_ends_the_log_before_it) {
    for (size_t at = 0; at < 3000; ++at) {
        std::string damaged = bytes;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x41);
        spill(file, damaged);
        ASSERT_TRUE(is_prefix(reopened(), records)) << "flipped at " << at;
        for (const auto& e : fs::directory_iterator(dir.path())) fs::remove(e.path());
    }
}

TEST_F(crash, what_is_behind_a_torn_entry_does_not_come_back) {
    // The fourth entry is torn, those behind it are whole: they must not join what is appended in
    // its place.
    std::string damaged = bytes;
    uint32_t at = header_bytes;
    for (int i = 0; i < 3; ++i)
        at += reinterpret_cast<const entry_header*>(bytes.data() + at)->size;
    damaged[at + 30] = static_cast<char>(damaged[at + 30] ^ 1);
    spill(file, damaged);
    {
        auto log = partition_log::open(setup_in(dir.path(), one_segment()));
        EXPECT_EQ(log->next(), 3);
        append_all(*log, {records[3]});
    }
    EXPECT_EQ(reopened().size(), 4u);
}

TEST_F(crash, entries_of_another_file_do_not_pass) {
    temp_folder other;
    append_all(*partition_log::open(setup_in(other.path(), one_segment())), records);
    const std::string foreign = slurp(other.path() + "/00000000000000000000.log");
    spill(file, bytes.substr(0, header_bytes) + foreign.substr(header_bytes));
    EXPECT_TRUE(reopened().empty());
}

TEST_F(crash, a_lost_or_rotten_index_is_made_again) {
    log_limits l = one_segment();
    l.segment_bytes_first = l.segment_bytes = 4096;
    temp_folder folder;
    const auto many = some_records(0, 200);
    append_all(*partition_log::open(setup_in(folder.path(), l)), many);
    int damage = 0;
    for (const auto& e : fs::directory_iterator(folder.path())) {
        if (!e.path().string().ends_with(".index")) continue;
        std::string index = slurp(e.path());
        if (++damage % 3 == 0) {
            fs::remove(e.path());
        } else if (damage % 3 == 1) {
            index[index.size() - 3] ^= 1;  // found out at the first query
            spill(e.path(), index);
        } else {
            spill(e.path(), index.substr(0, 100));
        }
    }
    ASSERT_GT(damage, 3);
    auto log = partition_log::open(setup_in(folder.path(), l));
    EXPECT_EQ(read_all(log), many);
    filtered_cursor::query q;
    q.to = 200;
    q.filters.add_key("device/3");
    filtered_cursor c(log, std::move(q));
    record_view v;
    uint32_t budget = 10000, found = 0;
    while (c.next(v, budget) == read_state::record) ++found;
    EXPECT_EQ(found, 20u);
}

TEST_F(crash, a_missing_middle_segment_drops_what_is_older) {
    log_limits l = one_segment();
    l.segment_bytes_first = l.segment_bytes = 4096;
    temp_folder folder;
    const auto many = some_records(0, 200);
    append_all(*partition_log::open(setup_in(folder.path(), l)), many);
    std::vector<fs::path> logs;
    for (const auto& e : fs::directory_iterator(folder.path()))
        if (e.path().string().ends_with(".log")) logs.push_back(e.path());
    std::sort(logs.begin(), logs.end());
    ASSERT_GT(logs.size(), 4u);
    fs::remove(logs[2]);
    auto log = partition_log::open(setup_in(folder.path(), l));
    const auto got = read_all(log);
    EXPECT_EQ(got.front().offset, log->start());
    EXPECT_EQ(got, std::vector<record>(many.begin() + log->start(), many.end()));
    EXPECT_GT(log->start(), 0);
}

TEST(crash_child, a_killed_writer_leaves_a_log_that_opens) {
    temp_folder dir;
    log_limits l;
    l.segment_bytes_first = 16384;
    l.segment_bytes = 65536;
    int64_t had = 0;
    for (int round = 0; round < 10; ++round) {
        const pid_t child = fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            auto log = partition_log::open(setup_in(dir.path(), l));
            log_batch batch;
            for (int64_t o = std::max<int64_t>(log->next(), 0);; ++o) {
                append(batch, *log,
                       {o, "k" + std::to_string(o % 13), "value " + std::to_string(o)});
                if (o % 5 == 0) batch.flush(0);
            }
        }
        usleep(20000u + static_cast<unsigned>(round) * 3000u);  // any moment will do
        kill(child, SIGKILL);
        waitpid(child, nullptr, 0);
        auto log = partition_log::open(setup_in(dir.path(), l));
        ASSERT_GE(log->next(), had);
        had = std::max<int64_t>(log->next(), 0);
        int64_t expected = log->start();
        for (const auto& r : read_all(log)) {
            ASSERT_EQ(r.offset, expected);
            ASSERT_EQ(r.value, "value " + std::to_string(expected));
            ++expected;
        }
        ASSERT_EQ(expected, log->next());
    }
    EXPECT_GT(had, 0);
}

}  // namespace
}  // namespace weft::kafka
