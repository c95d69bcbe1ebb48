// Metadata blocks: what a writer builds a reader reads, and nothing outside of the block is ever
// read.
#include "abi_layout.h"

#include <weft/meta.hpp>

#include <gmock/gmock.h>

#include <memory>

using testing::ElementsAre;
using weft::meta_view;
using weft::meta_writer;

extern "C" const weft_plugin* weft_test_c_plugin(void);

namespace {

// A copy of a block in memory of exactly its size, so that a sanitizer sees a read beyond it.
struct exact_copy {
    explicit exact_copy(const weft_meta* m) : words(new uint64_t[m->size / 8]) {
        std::memcpy(words.get(), m, m->size);
    }
    weft_meta* get() const { return reinterpret_cast<weft_meta*>(words.get()); }
    std::unique_ptr<uint64_t[]> words;
};

}  // namespace

TEST(meta, round_trip) {
    meta_writer<weft_mqtt_publish> w;
    w->qos = 1;
    w->packet_id = 77;
    w->topic = w.text("device/1");
    w->content_type = w.maybe_text("text/plain");
    w->response_topic = w.maybe_text(std::nullopt);
    const auto properties = w.list<weft_pair>(2);
    w->properties = properties;
    const auto name = w.text("name"), value = w.text("");
    w.item<weft_pair>(properties, 0) = {name, value};
    const std::vector<uint32_t> ids{1, 4'000'000'000};
    w->subscription_ids = w.list_of<uint32_t>(ids);

    const exact_copy block(w.get());
    EXPECT_EQ(block.get()->size % 8, 0u);
    const meta_view<weft_mqtt_publish> v(block.get());
    ASSERT_TRUE(v);
    EXPECT_EQ(v->qos, 1);
    EXPECT_EQ(v->packet_id, 77);
    EXPECT_EQ(v.text(v->topic), "device/1");
    EXPECT_EQ(v.maybe_text(v->content_type), "text/plain");
    EXPECT_EQ(v.maybe_text(v->response_topic), std::nullopt);
    const auto pairs = v.list<weft_pair>(v->properties);
    ASSERT_EQ(pairs.size(), 2u);
    EXPECT_EQ(v.text(pairs[0].name), "name");
    EXPECT_EQ(v.maybe_text(pairs[0].value), "");
    EXPECT_EQ(v.maybe_text(pairs[1].value), std::nullopt);
    const auto list = v.list<uint32_t>(v->subscription_ids);
    EXPECT_THAT(std::vector<uint32_t>(list.begin(), list.end()), ElementsAre(1u, 4'000'000'000u));
}

TEST(meta, empty_and_null_differ) {
    meta_writer<weft_kafka_record> w;
    w->key = w.text("");
    const exact_copy block(w.get());
    const meta_view<weft_kafka_record> v(block.get());
    EXPECT_TRUE(v.has(v->key));
    EXPECT_EQ(v.text(v->key).size(), 0u);
    EXPECT_FALSE(v.has(v->headers));
    EXPECT_TRUE(v.list<weft_pair>(v->headers).empty());
}

TEST(meta, empty_list_is_not_null) {
    meta_writer<weft_kafka_partitions> w;
    w->partitions = w.list<weft_kafka_partition>(0);
    const meta_view<weft_kafka_partitions> v(w.get());
    EXPECT_NE(v->partitions.off, 0u);
    EXPECT_TRUE(v.has(v->partitions));
    EXPECT_TRUE(v.list<weft_kafka_partition>(v->partitions).empty());
}

TEST(meta, lists_are_aligned_behind_odd_texts) {
    meta_writer<weft_kafka_begin> w;
    w->topic = w.text("odd");
    w->positions = w.list<weft_kafka_position>(1);
    EXPECT_EQ(w->positions.off % alignof(weft_kafka_position), 0u);
    w.item<weft_kafka_position>(w->positions, 0).offset = 42;
    const meta_view<weft_kafka_begin> v(w.get());
    EXPECT_EQ(v.list<weft_kafka_position>(v->positions)[0].offset, 42);
}

TEST(meta, other_types_and_nothing_are_refused) {
    meta_writer<weft_tcp_begin> w;
    EXPECT_TRUE(meta_view<weft_tcp_begin>(w.get()));
    EXPECT_FALSE(meta_view<weft_tcp_reset>(w.get()));
    EXPECT_FALSE(meta_view<weft_tcp_begin>(nullptr));
}

// A writer that knew less: fields behind its `fixed` read as zero, even where its tail lies at
// their place.
TEST(meta, older_writer) {
    constexpr uint32_t old_fixed = offsetof(weft_tcp_begin, local_port);
    alignas(8) uint8_t block[old_fixed + 8] = {};
    weft_tcp_begin old{};
    old.m = {sizeof block, WEFT_META_TCP_BEGIN, old_fixed, 0};
    old.local_host = {old_fixed, 3};
    std::memcpy(block, &old, old_fixed);
    std::memcpy(block + old_fixed, "abcdefgh", 8);
    const meta_view<weft_tcp_begin> v(reinterpret_cast<const weft_meta*>(block));
    ASSERT_TRUE(v);
    EXPECT_EQ(v.text(v->local_host), "abc");
    EXPECT_EQ(v->local_port, 0);
    EXPECT_EQ(v->remote_port, 0);
}

// A writer that knows more: our fields are where they were.
TEST(meta, newer_writer) {
    struct newer {
        weft_tcp_begin known;
        uint64_t added;
        char tail[8];
    } block{};
    block.known.m = {sizeof block, WEFT_META_TCP_BEGIN, offsetof(newer, tail), 0};
    block.known.local_port = 80;
    block.known.local_host = {offsetof(newer, tail), 8};
    std::memcpy(block.tail, "12345678", 8);
    const meta_view<weft_tcp_begin> v(&block.known.m);
    EXPECT_EQ(v->local_port, 80);
    EXPECT_EQ(v.text(v->local_host), "12345678");
}

TEST(meta, references_out_of_bounds_are_null) {
    meta_writer<weft_kafka_record> w;
    w->key = w.text("key");
    const exact_copy block(w.get());
    auto* m = reinterpret_cast<weft_kafka_record*>(block.get());
    const uint32_t size = m->m.size;
    for (const weft_ref bad :
         {weft_ref{size, 1}, weft_ref{size + 8, 0}, weft_ref{8, 4}, weft_ref{size - 1, 2},
          weft_ref{0xffffffff, 1}, weft_ref{16, 0xffffffff}, weft_ref{0xfffffff8, 0xfffffff8}}) {
        m->key = bad;
        const meta_view<weft_kafka_record> v(block.get());
        EXPECT_FALSE(v.has(v->key)) << bad.off << ',' << bad.len;
        EXPECT_EQ(v.maybe_text(v->key), std::nullopt);
        EXPECT_TRUE(v.list<weft_pair>(v->key).empty());
    }
    m->headers = {24, 0x10000000};  // 0x10000000 pairs are 4 GiB: the product must not wrap
    const meta_view<weft_kafka_record> v(block.get());
    EXPECT_TRUE(v.list<weft_pair>(v->headers).empty());
    m->headers = {20, 1};
    EXPECT_TRUE(v.list<uint64_t>(m->headers).empty()) << "not aligned";
}

TEST(meta, a_lying_header_is_harmless) {
    meta_writer<weft_kafka_record> w;
    const exact_copy block(w.get());
    block.get()->fixed = 0xffffffff;  // claims more than there is
    EXPECT_TRUE(meta_view<weft_kafka_record>(block.get()));
    block.get()->size = sizeof(weft_meta);
    const meta_view<weft_kafka_record> cut(block.get());
    EXPECT_TRUE(cut);
    EXPECT_EQ(cut->offset, 0);
    block.get()->size = 8;
    EXPECT_FALSE(meta_view<weft_kafka_record>(block.get()));
}

TEST(meta, a_writer_can_be_used_again) {
    meta_writer<weft_tcp_reset> w;
    w->text = w.text("first");
    w->error = 1;
    w.get();
    w.clear();
    w->text = w.text("2nd");
    const meta_view<weft_tcp_reset> v(w.get());
    EXPECT_EQ(v.text(v->text), "2nd");
    EXPECT_EQ(v->error, 0);
    EXPECT_EQ(v->m.size, sizeof(weft_tcp_reset) + 8);
}

TEST(abi, a_plugin_written_in_c) {
    const weft_plugin* p = weft_test_c_plugin();
    EXPECT_EQ(p->size, sizeof(weft_plugin));
    EXPECT_STREQ(p->bindings[0]->type, "c");
    EXPECT_EQ(p->get, nullptr);
}
