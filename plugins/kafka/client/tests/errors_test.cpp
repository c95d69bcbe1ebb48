#include "client/errors.hpp"

#include <gtest/gtest.h>

namespace weft::kafka::client {
namespace {

TEST(errors, codes_are_those_of_the_protocol) {
    EXPECT_EQ(kafka_code(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE), 10);
    EXPECT_EQ(kafka_code(RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC), 3);
    EXPECT_EQ(kafka_code(RD_KAFKA_RESP_ERR__MSG_TIMED_OUT), 7);
    EXPECT_EQ(kafka_code(RD_KAFKA_RESP_ERR__AUTHENTICATION), 58);
    EXPECT_EQ(kafka_code(RD_KAFKA_RESP_ERR__FAIL), -1);
}

TEST(errors, texts_without_the_inside_of_librdkafka) {
    EXPECT_EQ(plain_text("sasl_plaintext://127.0.0.1:9092/bootstrap: SASL authentication error: "
                         "Authentication failed: Invalid "
                         "username or password (after 303ms in state AUTH_REQ, 1 identical "
                         "error(s) suppressed)"),
              "Authentication failed: Invalid username or password");
    EXPECT_EQ(plain_text("Local: Broker transport failure"), "Local: Broker transport failure");
    EXPECT_EQ(plain_text(""), "");
}

TEST(errors, texts_tell_the_broker) {
    EXPECT_EQ(broker_of("sasl_plaintext://127.0.0.1:9092/bootstrap: SASL authentication error: x"),
              "127.0.0.1:9092");
    EXPECT_EQ(broker_of("sasl_plaintext://[::1]:9092/1: x"), "[::1]:9092");
    EXPECT_EQ(broker_of("sasl_plaintext://b:9092: x"), "b:9092");
    EXPECT_EQ(broker_of("Local: Broker transport failure"), "");
    EXPECT_EQ(broker_of("://"), "");
}

TEST(errors, a_mechanism_that_the_broker_lacks) {
    EXPECT_TRUE(says_unsupported_mechanism(
        "SASL SCRAM-SHA-512 mechanism handshake failed: Broker: Unsupported SASL mechanism: "
        "broker's supported mechanisms: PLAIN"));
    EXPECT_FALSE(says_unsupported_mechanism("Invalid credentials with SASL mechanism SCRAM"));
}

}  // namespace
}  // namespace weft::kafka::client
