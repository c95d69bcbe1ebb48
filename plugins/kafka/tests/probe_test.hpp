// Tests of the whole client, before a real tcp client, against librdkafka's mock brokers (real
// sockets, no Java): the probe program runs as a child and says what it saw.
#pragma once

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <string>

namespace weft::kafka::test {

struct probe_test : ::testing::Test {
    rd_kafka_t* owner = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), nullptr, 0);
    rd_kafka_mock_cluster_t* cluster = rd_kafka_mock_cluster_new(owner, 1);

    probe_test() { rd_kafka_mock_topic_create(cluster, "t", 3, 1); }
    ~probe_test() override {
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
        EXPECT_THAT(out, ::testing::Not(::testing::HasSubstr("FAULT")));
        return out;
    }
};

}  // namespace weft::kafka::test
