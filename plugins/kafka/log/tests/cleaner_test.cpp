#include "log/cleaner.hpp"
#include "log/tests/support.hpp"

#include <gtest/gtest.h>

#include <fstream>

namespace weft::kafka {
namespace {

using namespace test;

struct cleaner_test : testing::Test {
    temp_folder folder;
    log_limits limits;
    std::shared_ptr<partition_log> log;

    cleaner_test() {
        limits.segment_bytes_first = limits.segment_bytes = 4096;
        limits.delete_retention_ms = 1000;
        reopen();
    }
    void reopen() {
        auto setup = setup_in(folder.path(), limits);
        setup.compacted = true;
        log = partition_log::open(std::move(setup));
    }
    bool clean(int64_t now_ms = 0) {
        cleaner c(*log, now_ms);
        if (!c.run()) return false;
        log->replace(c.old(), c.cleaned());
        return true;
    }
    size_t sealed() const {
        const auto now = log->snapshot();
        return static_cast<size_t>(std::count_if(now->segments.begin(), now->segments.end(),
                                                 [](const auto& s) { return s->sealed(); }));
    }
    // The newest record of each key, by offset.
    static std::vector<record> newest(const std::vector<record>& all) {
        std::map<std::string, record> last;
        for (const auto& r : all) last[r.key.value_or("")] = r;
        std::vector<record> out;
        for (const auto& [key, r] : last) out.push_back(r);
        std::sort(out.begin(), out.end(),
                  [](const auto& a, const auto& b) { return a.offset < b.offset; });
        return out;
    }
};

TEST_F(cleaner_test, the_newest_of_each_key_stays) {
    append_all(*log, some_records(0, 300));
    ASSERT_GT(sealed(), 3u);
    const auto before = read_all(log);
    EXPECT_TRUE(cleaner::due(*log));
    ASSERT_TRUE(clean());
    EXPECT_FALSE(cleaner::due(*log));
    const auto after = read_all(log);
    EXPECT_LT(after.size(), before.size() / 4);
    EXPECT_EQ(newest(after), newest(before));
    EXPECT_EQ(log->start(), 0);
    EXPECT_EQ(log->next(), 300);
}

TEST_F(cleaner_test, it_is_the_same_after_a_restart_and_goes_on) {
    append_all(*log, some_records(0, 300));
    ASSERT_TRUE(clean());
    const auto cleaned = read_all(log);
    for (int round = 0; round < 3; ++round) {
        reopen();
        EXPECT_TRUE(log->take_notices().empty());
        EXPECT_EQ(read_all(log), cleaned);
        EXPECT_EQ(log->next(), 300);
        EXPECT_EQ(log->start(), 0);
    }
    append_all(*log, some_records(300, 600));
    ASSERT_TRUE(clean());
    EXPECT_EQ(newest(read_all(log)), newest(some_records(300, 600)));
}

TEST_F(cleaner_test, tombstones_stay_for_their_time) {
    append_all(*log, {{0, "a", "1", 100}, {1, "a", std::nullopt, 5000}, {2, "b", "1", 100}});
    append_all(*log, some_records(3, 100));
    ASSERT_TRUE(clean(5500));
    auto all = read_all(log);
    ASSERT_GE(all.size(), 2u);
    EXPECT_EQ(all[0].offset, 1);
    EXPECT_EQ(all[0].value, std::nullopt);
    EXPECT_EQ(all[1].offset, 2);
    ASSERT_TRUE(clean(6500));
    all = read_all(log);
    EXPECT_EQ(all[0].offset, 2);
}

TEST_F(cleaner_test, a_log_of_nothing_but_old_values_keeps_its_beginning) {
    append_all(*log, some_records(0, 100, 100, 1));
    ASSERT_TRUE(clean());
    const auto all = read_all(log);
    EXPECT_EQ(all.back().offset, 99);
    EXPECT_EQ(log->start(), 0) << "what is gone was superseded: nobody has to ask Kafka for it";
    reopen();
    EXPECT_EQ(log->start(), 0);
    EXPECT_EQ(read_all(log), all);
}

TEST_F(cleaner_test, readers_in_the_midst_of_it_go_on) {
    append_all(*log, some_records(0, 300));
    cursor early(log, 0), late(log, 0);
    record_view v;
    for (int i = 0; i < 5; ++i) ASSERT_EQ(early.next(v), read_state::record);
    for (int i = 0; i < 150; ++i) ASSERT_EQ(late.next(v), read_state::record);
    ASSERT_TRUE(clean());
    for (auto* c : {&early, &late}) {
        int64_t offset = c->wanted();
        while (c->next(v) == read_state::record) {
            EXPECT_GE(v.offset(), offset);
            offset = v.offset() + 1;
        }
        EXPECT_EQ(offset, 300);
    }
    append_all(*log, some_records(300, 310));
    int more = 0;
    while (late.next(v) == read_state::record) ++more;
    EXPECT_EQ(more, 10);
}

TEST_F(cleaner_test, a_filter_finds_the_rest_behind_what_is_gone) {
    append_all(*log, some_records(0, 300));
    ASSERT_TRUE(clean());
    for (const bool newest_per_key : {false, true}) {
        key_filters f;
        f.add_key("device/3");
        filtered_cursor c(log, {f, 0, 300, newest_per_key});
        record_view v;
        uint32_t budget = 10'000;
        int64_t last = -1;
        auto s = c.next(v, budget);
        for (; s == read_state::record; s = c.next(v, budget)) last = v.offset();
        EXPECT_EQ(s, read_state::end);
        EXPECT_EQ(last, 293);
        EXPECT_EQ(c.wanted(), 300);
    }
}

// Written, but not in place: the next start takes the log as it was.
TEST_F(cleaner_test, what_is_half_done_is_forgotten) {
    append_all(*log, some_records(0, 300));
    const auto before = read_all(log);
    {
        cleaner c(*log, 0);
        ASSERT_TRUE(c.run());
    }
    reopen();
    EXPECT_EQ(read_all(log), before);
    EXPECT_FALSE(std::filesystem::exists(folder.path() + "/" + cleaning_folder));
}

// In place, but what it stands for was not deleted.
TEST_F(cleaner_test, files_that_are_covered_are_dropped) {
    append_all(*log, some_records(0, 300));
    const std::string aside = folder.path() + "-aside";
    std::filesystem::copy(folder.path(), aside);
    ASSERT_TRUE(clean());
    const auto cleaned = read_all(log);
    std::filesystem::copy(aside, folder.path(), std::filesystem::copy_options::skip_existing);
    std::filesystem::remove_all(aside);
    reopen();
    EXPECT_EQ(read_all(log), cleaned);
}

TEST_F(cleaner_test, cancelled_it_changes_nothing) {
    append_all(*log, some_records(0, 300));
    cleaner c(*log, 0);
    c.cancel();
    EXPECT_FALSE(c.run());
    EXPECT_TRUE(c.error().empty());
}

}  // namespace
}  // namespace weft::kafka
