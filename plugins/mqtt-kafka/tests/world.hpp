// mqtt-kafka on real workers, between fake clients and a fake Kafka.
#pragma once

#include "proxy.hpp"
#include "tests/fake_client.hpp"
#include "tests/fake_kafka.hpp"

#include <gmock/gmock.h>

#include <functional>

namespace weft::mqtt_kafka::test {

class stage;  // loops, services and bindings (world.cpp)

class world : public testing::Test {
protected:
    static constexpr uint64_t mqtt_id = 1, proxy_id = 2, kafka_id = 3;

    world();
    ~world() override;

    // The example's configuration; change it before start.
    nlohmann::json options, routes;
    nlohmann::json properties = nlohmann::json::object();
    uint32_t workers = 1;

    // Call first in each test; `prepare` sees each worker's fake Kafka before it is used.
    void start(const std::function<void(fake_kafka&)>& prepare = {});
    void TearDown() override;

    // These run f on a worker's thread as a call into one of the bindings, then let everything that
    // follows from it happen.
    void in_kafka(const std::function<void(fake_kafka&)>& f, uint32_t w = 0);
    void in_proxy(const std::function<void(proxy&)>& f, uint32_t w = 0);
    // The same in an older generation; 0 is the first.
    void in_generation(size_t generation, const std::function<void(proxy&)>& f, uint32_t w = 0);
    void as(fake_client& c, const std::function<void(fake_client&)>& f);

    fake_client& connect(const std::string& id, uint16_t receive_max = 65535, uint32_t w = 0,
                         uint8_t flags = WEFT_MQTT_CLEAN_START);
    // A client whose members may still be set before it connects.
    fake_client& new_client(uint32_t w = 0);
    void connect(fake_client& c, const std::string& id, uint16_t receive_max = 65535,
                 uint8_t flags = WEFT_MQTT_CLEAN_START);
    void subscribe(fake_client& c, const std::vector<filter_options>& filters, uint32_t id = 0);
    void publish(fake_client& c, const std::string& topic, const std::string& payload,
                 uint16_t id = 1, const publish_options& o = {});

    // Waits for what a timer brings.
    void until(const std::function<bool()>& done);
    void settle();

    // Puts a new generation of the binding beside the one that takes what is new, as a reload does,
    // and drains that one.
    void replace(uint64_t deadline_ns = UINT64_MAX);
    // No streams, wrapped buffers and timers of a generation on a worker? Asked while all stands
    // still: in until, or after settle.
    bool nothing_left(size_t generation, uint32_t w = 0);
    // Detaches and destroys a generation of which nothing is left.
    void unload(size_t generation);
    static uint64_t in_ms(uint64_t ms);
    // The process is killed: what it has is cut off from Kafka, and another takes what is new.
    void crash();
    fake_client& connect_durable(const std::string& id, uint8_t flags = 0,
                                 uint32_t expiry_s = 3600);
    // The newest value of a key on the sessions topic; none: a tombstone or nothing.
    std::optional<std::string> stored(const std::string& key);

    fake_kafka& kafka(uint32_t w = 0);
    uint64_t metric_value(const std::string& name, uint32_t w = 0);
    bool logged(const std::string& event, const std::string& part);

    static int64_t now_ms();
    static stored_record record(const std::string& key, const std::string& value,
                                header_list headers = {}) {
        return {key, value, std::move(headers), now_ms()};
    }
    static std::vector<std::string> payloads(const fake_client& c) {
        std::vector<std::string> out;
        for (const auto& p : c.publishes) out.push_back(p.payload);
        return out;
    }

private:
    std::unique_ptr<stage> stage_;
    std::vector<std::pair<uint32_t, std::unique_ptr<fake_client>>> clients_;
    uint16_t packet_id_ = 0;
};

}  // namespace weft::mqtt_kafka::test
