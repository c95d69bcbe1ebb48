#include "support.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace weft::kafka {
namespace {

using namespace test;

TEST(filter, matches_as_mqtt_filters_do) {
    const struct {
        const char *pattern, *key;
        bool match;
    } cases[] = {{"a/b", "a/b", true},       {"a/b", "a/c", false},
                 {"a/+", "a/b", true},       {"a/+", "a", false},
                 {"a/+", "a/", true},        {"a/+", "a/b/c", false},
                 {"a/#", "a", true},         {"a/#", "a/b/c", true},
                 {"#", "a/b", true},         {"#", "", true},
                 {"+", "a", true},           {"+", "a/b", false},
                 {"+/+", "/", true},         {"+", "/", false},
                 {"/+", "/a", true},         {"#", "$SYS/x", false},
                 {"+/x", "$SYS/x", false},   {"$SYS/#", "$SYS/x", true},
                 {"$SYS/+", "$SYS/x", true}, {"a/+/c", "a//c", true},
                 {"a/#", "ab", false},       {"a/#", "a/", true},
                 {"a/+/#", "a/b", true},     {"a/+/#", "a", false},
                 {"a", "a/", false},         {"a/", "a", false},
                 {"+/#", "a", true}};
    for (const auto& c : cases)
        EXPECT_EQ(matches_levels(c.pattern, c.key), c.match) << c.pattern << " " << c.key;
}

struct query_case {
    std::vector<std::string> keys, patterns;
    bool newest;
};

// Every way of asking, over a log of many segments with an index in files and one in memory, gives
// what a plain loop gives.
TEST(filtered_cursor, agrees_with_a_plain_search) {
    temp_folder dir;
    log_limits l;
    l.segment_bytes_first = 4096;
    l.segment_bytes = 16384;
    l.index_interval_bytes = 512;
    auto log = partition_log::open(setup_in(dir.path(), l));
    std::mt19937 random(7);
    std::vector<record> records;
    int64_t offset = 3;
    for (int i = 0; i < 1500; ++i, offset += 1 + static_cast<int64_t>(random() % 3)) {
        record r{offset, "a/" + std::to_string(random() % 40) + (random() % 2 ? "/x" : ""),
                 std::string(random() % 200, 'v')};
        if (random() % 50 == 0) r.key.reset();
        if (random() % 10 == 0) r.value.reset();
        records.push_back(r);
    }
    append_all(*log, records);
    offset = log->next();
    ASSERT_GT(log->snapshot()->segments.size(), 5u);

    const std::vector<query_case> cases = {{{}, {}, false},
                                           {{"a/1"}, {}, false},
                                           {{"a/1", "a/2/x", "a/1", "none"}, {}, false},
                                           {{}, {"a/+"}, false},
                                           {{}, {"#"}, false},
                                           {{"a/3/x"}, {"a/+"}, false},
                                           {{}, {"a/7/#"}, false},
                                           {{}, {"nothing/#"}, false},
                                           {{}, {}, true},
                                           {{"a/1", "a/2"}, {}, true},
                                           {{}, {"a/+/x"}, true}};
    for (const auto& c : cases) {
        for (const auto& [from, to] : {std::pair<int64_t, int64_t>{3, offset},
                                       {500, 1200},
                                       {1000, 1001},
                                       {3, 3},
                                       {2000, offset}}) {
            filtered_cursor::query q;
            for (const auto& k : c.keys) q.filters.add_key(k);
            for (const auto& p : c.patterns) q.filters.add_levels(p);
            q.from = from;
            q.to = to;
            q.newest_per_key = c.newest;

            std::vector<record> expected;
            std::map<std::string, record> newest;
            for (const auto& r : records) {
                if (r.offset < from || r.offset >= to) continue;
                if (!q.filters.all() && (!r.key || !q.filters.matches(*r.key))) continue;
                if (c.newest && r.key) newest[*r.key] = r;
                if (!c.newest) expected.push_back(r);
            }
            for (const auto& [key, r] : newest)
                if (r.value && !r.value->empty()) expected.push_back(r);
            std::sort(expected.begin(), expected.end(),
                      [](const auto& a, const auto& b) { return a.offset < b.offset; });

            filtered_cursor cursor(log, std::move(q));
            std::vector<record> got;
            record_view v;
            for (;;) {
                uint32_t budget = 17;  // small: the work is cut into many pieces
                const auto s = cursor.next(v, budget);
                if (s == read_state::record) got.push_back(decode(v));
                if (s == read_state::busy) continue;
                ASSERT_NE(s, read_state::lost);
                if (s == read_state::end || s == read_state::wait) {
                    EXPECT_EQ(s, read_state::end);
                    break;
                }
            }
            EXPECT_EQ(got, expected) << "from " << from << " to " << to << " newest " << c.newest;
            EXPECT_GE(cursor.wanted(), to);
        }
    }
}

TEST(filtered_cursor, waits_for_its_end_and_goes_on) {
    temp_folder dir;
    auto log = partition_log::open(setup_in(dir.path()));
    log->advance(0);
    filtered_cursor::query q;
    q.to = 20;
    q.filters.add_key("device/3");
    filtered_cursor c(log, std::move(q));
    record_view v;
    uint32_t budget = 1000;
    EXPECT_EQ(c.next(v, budget), read_state::wait);
    append_all(*log, some_records(0, 10));
    ASSERT_EQ(c.next(v, budget), read_state::record);
    EXPECT_EQ(v.offset(), 3);
    EXPECT_EQ(c.next(v, budget), read_state::wait);
    append_all(*log, some_records(10, 30));
    ASSERT_EQ(c.next(v, budget), read_state::record);
    EXPECT_EQ(v.offset(), 13);
    EXPECT_EQ(c.next(v, budget), read_state::end);
}

TEST(filtered_cursor, ends_at_control_records_that_the_log_skipped) {
    temp_folder dir;
    auto log = partition_log::open(setup_in(dir.path()));
    append_all(*log, some_records(0, 10));
    filtered_cursor::query q;
    q.to = 12;
    filtered_cursor c(log, std::move(q));
    record_view v;
    uint32_t budget = 1000;
    for (int i = 0; i < 10; ++i) ASSERT_EQ(c.next(v, budget), read_state::record);
    EXPECT_EQ(c.next(v, budget), read_state::wait);
    log->advance(12);
    EXPECT_EQ(c.next(v, budget), read_state::end);
}

TEST(filtered_cursor, newest_is_as_of_the_end_not_later) {
    temp_folder dir;
    log_limits l;
    l.segment_bytes_first = l.segment_bytes = 4096;
    auto log = partition_log::open(setup_in(dir.path(), l));
    append_all(*log, {{0, "a", std::string(3000, '1')},
                      {1, "a", std::string(3000, '2')},
                      {2, "a", std::string(3000, '3')}});
    filtered_cursor::query q;
    q.to = 2;
    q.newest_per_key = true;
    filtered_cursor c(log, std::move(q));
    record_view v;
    uint32_t budget = 1000;
    ASSERT_EQ(c.next(v, budget), read_state::record);
    EXPECT_EQ(v.offset(), 1);
    EXPECT_EQ(c.next(v, budget), read_state::end);
}

TEST(filtered_cursor, says_what_is_not_there_any_more) {
    temp_folder dir;
    auto log = partition_log::open(setup_in(dir.path()));
    append_all(*log, some_records(100, 110));
    filtered_cursor::query q;
    q.from = 50;
    q.to = 110;
    filtered_cursor c(log, std::move(q));
    record_view v;
    uint32_t budget = 1000;
    EXPECT_EQ(c.next(v, budget), read_state::lost);
    EXPECT_EQ(c.wanted(), 50);
    EXPECT_EQ(log->start(), 100);
}

}  // namespace
}  // namespace weft::kafka
