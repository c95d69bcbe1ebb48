// The whole client, before a real tcp client, against librdkafka's mock brokers (real sockets, no
// Java): the probe program runs as a child and says what it saw.
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <string>

namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr int16_t produce_api = 0, fetch_api = 1, metadata_api = 3, commit_api = 8,
                  offset_fetch_api = 9, coordinator_api = 10;

struct client : testing::Test {
    rd_kafka_t* owner = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), nullptr, 0);
    rd_kafka_mock_cluster_t* cluster = rd_kafka_mock_cluster_new(owner, 1);

    client() { rd_kafka_mock_topic_create(cluster, "t", 3, 1); }
    ~client() override {
        rd_kafka_mock_cluster_destroy(cluster);
        rd_kafka_destroy(owner);
    }
    // Output of the probe; its scenario must end by itself.
    std::string run(const std::string& arguments) const {
        const std::string command = std::string(KAFKA_PROBE) + " " +
                                    rd_kafka_mock_cluster_bootstraps(cluster) + " limit 60 " +
                                    arguments + " 2>&1";
        FILE* pipe = ::popen(command.c_str(), "r");
        std::string out;
        std::array<char, 4096> buffer;
        for (size_t n; (n = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
            out.append(buffer.data(), n);
        EXPECT_EQ(::pclose(pipe), 0) << out;
        EXPECT_THAT(out, Not(HasSubstr("FAULT")));
        return out;
    }
};

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

TEST_F(client, a_group_has_nothing_committed_at_first_and_then_what_was_committed) {
    EXPECT_THAT(run("do produce topic t records 60 hash_key 1"), HasSubstr("produced 60 "));
    EXPECT_THAT(run("do offsets topic t group g records 3 offset 7"),
                AllOf(HasSubstr("committed\n"), HasSubstr("commits 3\n")));
    // Partition 0 has 60 records, the others have none: what is committed there is beyond the end.
    EXPECT_THAT(run("do offsets topic t group g records 0"),
                HasSubstr("committed 0:9[0,60) 1:9[0,0) 2:9[0,0)"));
    EXPECT_THAT(run("do offsets topic t group other records 0"), HasSubstr("committed\n"));
}

TEST_F(client, a_coordinator_that_is_not_available_is_waited_for) {
    rd_kafka_mock_push_request_errors(
        cluster, coordinator_api, 4, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE,
        RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, RD_KAFKA_RESP_ERR__TRANSPORT,
        RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS);
    EXPECT_THAT(run("do offsets topic t group g records 1 offset 1"),
                AllOf(HasSubstr("committed\n"), HasSubstr("commits 1\n")));
}

TEST_F(client, what_cannot_be_read_is_read_again_and_told) {
    rd_kafka_mock_push_request_errors(cluster, offset_fetch_api, 2,
                                      RD_KAFKA_RESP_ERR_INVALID_GROUP_ID,
                                      RD_KAFKA_RESP_ERR_INVALID_GROUP_ID);
    EXPECT_THAT(run("do offsets topic t group g records 1 offset 1"),
                AllOf(HasSubstr("BINDING_KAFKA_GROUP_OFFSETS_FAILED What consumer group g has "
                                "committed in t cannot be read; trying again: Broker: Invalid "
                                "group.id"),
                      HasSubstr("commits 1\n")));
}

TEST_F(client, a_group_that_may_not_be_read_is_named) {
    rd_kafka_mock_push_request_errors(cluster, offset_fetch_api, 1,
                                      RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED);
    EXPECT_THAT(run("do offsets topic t group g records 1 offset 1"),
                AllOf(HasSubstr("offsets status 3 error 30: not authorized for consumer group 'g'"),
                      HasSubstr("commits 1\n")));
}

TEST_F(client, a_commit_that_fails_is_answered_with_its_error) {
    rd_kafka_mock_push_request_errors(cluster, commit_api, 2,
                                      RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
                                      RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE);
    EXPECT_THAT(run("do offsets topic t group g records 2 offset 1"),
                AllOf(HasSubstr("error 30 Broker: Group authorization failed: 1 records"),
                      HasSubstr("error 12 "), HasSubstr("commits 2\n")));
}

TEST_F(client, lost_connections_lose_no_commit) {
    for (int i = 0; i < 3; ++i)
        rd_kafka_mock_push_request_errors(cluster, commit_api, 3, RD_KAFKA_RESP_ERR_NO_ERROR,
                                          RD_KAFKA_RESP_ERR__TRANSPORT,
                                          RD_KAFKA_RESP_ERR_NOT_COORDINATOR);
    EXPECT_THAT(run("do offsets topic t group g records 12 offset 0"), HasSubstr("commits 12\n"));
    EXPECT_THAT(run("do offsets topic t group g records 0"), HasSubstr("committed 0:11["));
}

TEST_F(client, a_replaced_client_goes_on_with_the_group) {
    const auto out = run("do offsets topic t group g records 45 rate 5 offset 0 swap 2");
    EXPECT_THAT(out, HasSubstr("commits 45\n"));
    EXPECT_THAT(out, HasSubstr("moved 4\n")) << "each of two streams moves each time";
    EXPECT_THAT(out, HasSubstr("generations 3\n")) << "probe, client and tcp";
    EXPECT_THAT(run("do offsets topic t group g records 0"), HasSubstr("committed 0:44["));
}

TEST_F(client, workers_do_not_disturb_each_other) {
    const auto out = run("do produce topic t records 500 workers 3");
    size_t found = 0;
    for (size_t at = 0; (at = out.find("produced 500 ", at)) != std::string::npos; ++at) ++found;
    EXPECT_EQ(found, 3u);
}

}  // namespace
