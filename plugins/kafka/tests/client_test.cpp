// Produce, fetch and metadata of the whole client, and its replacement.
#include "probe_test.hpp"

namespace {

using testing::HasSubstr;
using testing::Not;

constexpr int16_t produce_api = 0, fetch_api = 1, metadata_api = 3;

using client = weft::kafka::test::probe_test;

TEST_F(client, records_come_back_as_they_were) {
    EXPECT_THAT(run("do produce topic t records 3000"), HasSubstr("produced 3000 "));
    EXPECT_THAT(run("do fetch topic t records 3000"), HasSubstr("fetched 3000, faults 0,"));
}

TEST_F(client, null_empty_and_large_values) {
    EXPECT_THAT(run("do roundtrip topic t rate 200 seconds 1 tombstones 1"),
                HasSubstr("duplicates 0 reordered 0 faults 0"));
    EXPECT_THAT(run("do roundtrip topic t rate 200 seconds 1 size 0"),
                HasSubstr("duplicates 0 reordered 0 faults 0"));
    EXPECT_THAT(run("do roundtrip topic t rate 20 seconds 1 size 500000"),
                HasSubstr("duplicates 0 reordered 0 faults 0"));
}

// murmur2("client-1") & 0x7fffffff = 111970434, which is 0 modulo 3.
TEST_F(client, the_hash_key_decides_the_partition) {
    EXPECT_THAT(run("do produce topic t records 50 hash_key 1"),
                HasSubstr("partition 0: 50 records\n"));
}

// The mock brokers do not know sequence numbers, so a record may be doubled here; tests/system has
// real ones.
TEST_F(client, connections_lost_under_load_lose_no_record) {
    for (int i = 0; i < 5; ++i) {
        rd_kafka_mock_push_request_errors(cluster, produce_api, 4, RD_KAFKA_RESP_ERR_NO_ERROR,
                                          RD_KAFKA_RESP_ERR_NO_ERROR, RD_KAFKA_RESP_ERR_NO_ERROR,
                                          RD_KAFKA_RESP_ERR__TRANSPORT);
        rd_kafka_mock_push_request_errors(cluster, fetch_api, 3, RD_KAFKA_RESP_ERR_NO_ERROR,
                                          RD_KAFKA_RESP_ERR_NO_ERROR, RD_KAFKA_RESP_ERR__TRANSPORT);
    }
    const auto out = run("do roundtrip topic t rate 1000 seconds 3");
    EXPECT_THAT(out, HasSubstr("faults 0"));
    EXPECT_THAT(out, Not(HasSubstr("\nerror "))) << "no record may fail";
}

// Idempotence gives up on a gap in the sequence; the producer is made anew, and what was not
// confirmed goes again.
TEST_F(client, survives_a_fatal_error_of_idempotence) {
    rd_kafka_mock_push_request_errors(cluster, produce_api, 3, RD_KAFKA_RESP_ERR_NO_ERROR,
                                      RD_KAFKA_RESP_ERR_NO_ERROR,
                                      RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    const auto out = run("do roundtrip topic t rate 1000 seconds 2");
    EXPECT_THAT(out, HasSubstr("BINDING_KAFKA_PRODUCER_FAILED"));
    EXPECT_THAT(out, HasSubstr("faults 0"));
    EXPECT_THAT(out, Not(HasSubstr("error 45"))) << "no record may fail";
}

TEST_F(client, a_permanent_error_is_reported_with_its_code) {
    rd_kafka_mock_push_request_errors(cluster, produce_api, 1,
                                      RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    const auto out = run("do produce topic t records 1");
    EXPECT_THAT(out, HasSubstr("error 29 Broker: Topic authorization failed: 1 records"));
    EXPECT_THAT(out, HasSubstr("BINDING_KAFKA_PRODUCE_ERROR"));
}

TEST_F(client, a_transient_error_is_not_seen) {
    rd_kafka_mock_push_request_errors(cluster, produce_api, 2,
                                      RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                                      RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS);
    EXPECT_THAT(run("do produce topic t records 100"), HasSubstr("produced 100 "));
}

TEST_F(client, a_missing_topic_is_named_and_refused_after_a_while) {
    rd_kafka_mock_topic_set_error(cluster, "none", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    const auto out = run(
        "do produce topic none records 100 zilla.binding.kafka.client.unknown.topic.millis 500");
    EXPECT_THAT(out, HasSubstr("produce status 2 error 3: topic 'none' does not exist"));
    EXPECT_THAT(out, HasSubstr("BINDING_KAFKA_TOPIC_UNKNOWN Topic (none) does not exist"));
    EXPECT_THAT(out, HasSubstr("error 3 topic 'none' does not exist: 100 records"));
}

TEST_F(client, an_offset_that_is_gone_restarts_at_the_beginning) {
    EXPECT_THAT(run("do produce topic t records 30 hash_key 1"), HasSubstr("produced 30 "));
    const auto out = run("do fetch topic t records 30 offset 1000");
    EXPECT_THAT(out,
                HasSubstr("status 0 error 1: offset 1000 of partition 0 of topic 't' is gone"));
    EXPECT_THAT(out, HasSubstr("fetched 30, faults 0,"));
}

TEST_F(client, metadata_is_asked_again_until_it_comes) {
    rd_kafka_mock_push_request_errors(cluster, metadata_api, 3, RD_KAFKA_RESP_ERR__TRANSPORT,
                                      RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__TRANSPORT);
    EXPECT_THAT(run("do meta topic t seconds 3"), HasSubstr("partitions 3"));
}

// Two generations after the first, in the midst of it. (The mock brokers take two seconds to tell
// of a topic.)
TEST_F(client, a_replaced_client_loses_nothing_and_ends) {
    const auto out = run("do roundtrip topic t rate 2000 seconds 9 swap 2");
    EXPECT_THAT(out, HasSubstr("moved 6\n")) << "each of three streams moves each time";
    EXPECT_THAT(out, HasSubstr("duplicates 0 reordered 0 faults 0"));
    EXPECT_THAT(out, HasSubstr("generations 3\n")) << "probe, client and tcp";
    EXPECT_THAT(out, Not(HasSubstr("\nerror "))) << "no record may fail";
}

TEST_F(client, what_has_an_end_is_read_beside_what_is_followed) {
    EXPECT_THAT(run("do produce topic t records 900"), HasSubstr("produced 900 "));
    // More of them than consumers: some wait in line.
    const auto out = run("do fetch topic t records 900 beside 7");
    EXPECT_THAT(out, HasSubstr("fetched 900, faults 0,"));
    size_t whole = 0;
    for (size_t at = 0; (at = out.find("range of 900 records", at)) != std::string::npos; ++at)
        ++whole;
    EXPECT_EQ(whole, 7u) << out;
}

// Two of three partitions hold nothing: only their end can say so.
TEST_F(client, the_end_of_a_partition_is_told) {
    EXPECT_THAT(run("do produce topic t records 30 hash_key 1"), HasSubstr("produced 30 "));
    EXPECT_THAT(run("do fetch topic t records 30 beside 1"), HasSubstr("range of 30 records"));
}

TEST_F(client, workers_do_not_disturb_each_other) {
    const auto out = run("do produce topic t records 500 workers 3");
    size_t found = 0;
    for (size_t at = 0; (at = out.find("produced 500 ", at)) != std::string::npos; ++at) ++found;
    EXPECT_EQ(found, 3u);
}

}  // namespace
