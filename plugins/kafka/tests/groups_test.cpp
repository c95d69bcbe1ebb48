// What consumer groups have committed: read and committed over OFFSETS streams.
#include "probe_test.hpp"

namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr int16_t commit_api = 8, offset_fetch_api = 9, coordinator_api = 10;

using groups = weft::kafka::test::probe_test;

TEST_F(groups, a_group_has_nothing_committed_at_first_and_then_what_was_committed) {
    EXPECT_THAT(run("do produce topic t records 60 hash_key 1"), HasSubstr("produced 60 "));
    EXPECT_THAT(run("do offsets topic t group g records 3 offset 7"),
                AllOf(HasSubstr("committed\n"), HasSubstr("commits 3\n")));
    // Partition 0 has 60 records, the others have none: what is committed there is beyond the end.
    EXPECT_THAT(run("do offsets topic t group g records 0"),
                HasSubstr("committed 0:9[0,60) 1:9[0,0) 2:9[0,0)"));
    EXPECT_THAT(run("do offsets topic t group other records 0"), HasSubstr("committed\n"));
}

TEST_F(groups, a_coordinator_that_is_not_available_is_waited_for) {
    rd_kafka_mock_push_request_errors(
        cluster, coordinator_api, 4, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE,
        RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, RD_KAFKA_RESP_ERR__TRANSPORT,
        RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS);
    EXPECT_THAT(run("do offsets topic t group g records 1 offset 1"),
                AllOf(HasSubstr("committed\n"), HasSubstr("commits 1\n")));
}

TEST_F(groups, what_cannot_be_read_is_read_again_and_told) {
    rd_kafka_mock_push_request_errors(cluster, offset_fetch_api, 2,
                                      RD_KAFKA_RESP_ERR_INVALID_GROUP_ID,
                                      RD_KAFKA_RESP_ERR_INVALID_GROUP_ID);
    EXPECT_THAT(run("do offsets topic t group g records 1 offset 1"),
                AllOf(HasSubstr("BINDING_KAFKA_GROUP_OFFSETS_FAILED What consumer group g has "
                                "committed in t cannot be read; trying again: Broker: Invalid "
                                "group.id"),
                      HasSubstr("commits 1\n")));
}

TEST_F(groups, a_group_that_may_not_be_read_is_named) {
    rd_kafka_mock_push_request_errors(cluster, offset_fetch_api, 1,
                                      RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED);
    EXPECT_THAT(run("do offsets topic t group g records 1 offset 1"),
                AllOf(HasSubstr("offsets status 3 error 30: not authorized for consumer group 'g'"),
                      HasSubstr("commits 1\n")));
}

TEST_F(groups, a_commit_that_fails_is_answered_with_its_error) {
    rd_kafka_mock_push_request_errors(cluster, commit_api, 2,
                                      RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
                                      RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE);
    EXPECT_THAT(run("do offsets topic t group g records 2 offset 1"),
                AllOf(HasSubstr("error 30 Broker: Group authorization failed: 1 records"),
                      HasSubstr("error 12 "), HasSubstr("commits 2\n")));
}

TEST_F(groups, lost_connections_lose_no_commit) {
    for (int i = 0; i < 3; ++i)
        rd_kafka_mock_push_request_errors(cluster, commit_api, 3, RD_KAFKA_RESP_ERR_NO_ERROR,
                                          RD_KAFKA_RESP_ERR__TRANSPORT,
                                          RD_KAFKA_RESP_ERR_NOT_COORDINATOR);
    EXPECT_THAT(run("do offsets topic t group g records 12 offset 0"), HasSubstr("commits 12\n"));
    EXPECT_THAT(run("do offsets topic t group g records 0"), HasSubstr("committed 0:11["));
}

TEST_F(groups, a_replaced_client_goes_on_with_the_group) {
    const auto out = run("do offsets topic t group g records 45 rate 5 offset 0 swap 2");
    EXPECT_THAT(out, HasSubstr("commits 45\n"));
    EXPECT_THAT(out, HasSubstr("moved 4\n")) << "each of two streams moves each time";
    EXPECT_THAT(out, HasSubstr("generations 3\n")) << "probe, client and tcp";
    EXPECT_THAT(run("do offsets topic t group g records 0"), HasSubstr("committed 0:44["));
}

}  // namespace
