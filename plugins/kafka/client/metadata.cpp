#include "metadata.hpp"

#include <weft/meta/kafka.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string_view>

namespace weft::kafka::client {

namespace {

using list_handle = std::unique_ptr<rd_kafka_topic_partition_list_t,
                                    freed_by<rd_kafka_topic_partition_list_destroy>>;
using options_handle =
    std::unique_ptr<rd_kafka_AdminOptions_t, freed_by<rd_kafka_AdminOptions_destroy>>;

rd_kafka_resp_err_t read_topic(rd_kafka_t* rk, topic_metadata& out, int timeout_ms) {
    const topic_handle t(rd_kafka_topic_new(rk, out.name.c_str(), nullptr));
    if (!t) {
        out.error = RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION;  // a name that no topic can have
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    const rd_kafka_metadata_t* raw = nullptr;
    const auto error = rd_kafka_metadata(rk, 0, t.get(), &raw, timeout_ms);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return error;
    const std::unique_ptr<const rd_kafka_metadata_t, freed_by<rd_kafka_metadata_destroy>> md(raw);
    out.error = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    for (int i = 0; i < md->topic_cnt; ++i) {
        const auto& found = md->topics[i];
        if (out.name != found.topic) continue;
        out.error = found.err;
        for (int p = 0; p < found.partition_cnt; ++p)
            out.partitions.push_back({found.partitions[p].id, found.partitions[p].leader});
    }
    if (out.error == RD_KAFKA_RESP_ERR_NO_ERROR && out.partitions.empty())
        out.error = RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
    std::sort(out.partitions.begin(), out.partitions.end(),
              [](const auto& a, const auto& b) { return a.id < b.id; });
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

// All partitions of all topics with one request per broker: -1 and -2 are the protocol's "times" of
// a log's two ends.
void read_offsets(rd_kafka_t* rk, std::vector<topic_metadata*>& topics, int64_t which,
                  int64_t partition_metadata::*field, int timeout_ms) {
    const list_handle list(rd_kafka_topic_partition_list_new(16));
    for (const auto* t : topics) {
        for (const auto& p : t->partitions)
            if (p.has_leader())
                rd_kafka_topic_partition_list_add(list.get(), t->name.c_str(), p.id)->offset =
                    which;
    }
    if (list->cnt == 0) return;
    // The whole call fails when any partition does; the list tells which.
    rd_kafka_offsets_for_times(rk, list.get(), timeout_ms);
    for (auto* t : topics) {
        for (auto& p : t->partitions) {
            const auto* found =
                rd_kafka_topic_partition_list_find(list.get(), t->name.c_str(), p.id);
            if (found && found->err == RD_KAFKA_RESP_ERR_NO_ERROR && found->offset >= 0)
                p.*field = found->offset;
        }
    }
}

uint32_t cleanup_bits(std::string_view policy) {
    uint32_t bits = 0;
    if (policy.find("compact") != std::string_view::npos) bits |= WEFT_KAFKA_COMPACTED;
    if (policy.find("delete") != std::string_view::npos) bits |= WEFT_KAFKA_DELETED;
    return bits;
}

uint32_t cleanup_of(const rd_kafka_ConfigResource_t* resource) {
    size_t n = 0;
    const auto** entries = rd_kafka_ConfigResource_configs(resource, &n);
    for (size_t i = 0; i < n; ++i) {
        const char* value = rd_kafka_ConfigEntry_value(entries[i]);
        if (value && std::string_view(rd_kafka_ConfigEntry_name(entries[i])) == "cleanup.policy")
            return cleanup_bits(value);
    }
    return 0;
}

// Those who may not describe configs get 0, not known; that is no reason to wait.
void read_cleanup(rd_kafka_t* rk, std::vector<topic_metadata*>& topics, int timeout_ms) {
    std::vector<rd_kafka_ConfigResource_t*> resources;
    for (const auto* t : topics)
        resources.push_back(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, t->name.c_str()));
    const queue_handle queue(rd_kafka_queue_new(rk));
    const options_handle options(rd_kafka_AdminOptions_new(rk, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS));
    rd_kafka_AdminOptions_set_request_timeout(options.get(), timeout_ms, nullptr, 0);
    rd_kafka_DescribeConfigs(rk, resources.data(), resources.size(), options.get(), queue.get());
    const event_handle event(rd_kafka_queue_poll(queue.get(), timeout_ms + 100));
    if (event && rd_kafka_event_error(event.get()) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        size_t n = 0;
        const auto** found = rd_kafka_DescribeConfigs_result_resources(
            rd_kafka_event_DescribeConfigs_result(event.get()), &n);
        for (size_t i = 0; i < n; ++i) {
            const std::string_view name = rd_kafka_ConfigResource_name(found[i]);
            for (auto* t : topics)
                if (t->name == name) t->cleanup = cleanup_of(found[i]);
        }
    }
    rd_kafka_ConfigResource_destroy_array(resources.data(), resources.size());
}

bool take_cluster_id(rd_kafka_t* rk, metadata_reply& reply, int timeout_ms) {
    char* id = rd_kafka_clusterid(rk, timeout_ms);
    if (!id) return false;
    reply.cluster_id = id;
    rd_kafka_mem_free(rk, id);
    return true;
}

}  // namespace

blocking_thread::~blocking_thread() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
        jobs_.clear();
    }
    wake_.notify_one();
    thread_.join();
}

void blocking_thread::post(std::function<void()> job) {
    {
        const std::lock_guard lock(mutex_);
        jobs_.push_back(std::move(job));
    }
    wake_.notify_one();
}

void blocking_thread::run() {
    std::unique_lock lock(mutex_);
    while (true) {
        wake_.wait(lock, [this] { return stop_ || !jobs_.empty(); });
        if (stop_) return;
        const auto job = std::move(jobs_.front());
        jobs_.pop_front();
        lock.unlock();
        job();
        lock.lock();
    }
}

metadata_reply read_metadata(rd_kafka_t* rk, const std::vector<topic_query>& queries,
                             int timeout_ms) {
    metadata_reply reply;
    if (queries.empty()) {
        // The id comes with any answer about brokers; a request for no topic would mean all of them
        // to librdkafka.
        if (!take_cluster_id(rk, reply, timeout_ms)) reply.error = RD_KAFKA_RESP_ERR__TIMED_OUT;
        return reply;
    }
    reply.topics.reserve(queries.size());
    std::vector<topic_metadata*> detailed;
    for (const auto& q : queries) {
        auto& t = reply.topics.emplace_back();
        t.name = q.name;
        reply.error = read_topic(rk, t, timeout_ms);
        if (reply.error != RD_KAFKA_RESP_ERR_NO_ERROR) {
            reply.topics.clear();
            return reply;
        }
        if (q.details && t.error == RD_KAFKA_RESP_ERR_NO_ERROR) detailed.push_back(&t);
    }
    if (!detailed.empty()) {
        read_cleanup(rk, detailed, timeout_ms);
        read_offsets(rk, detailed, RD_KAFKA_OFFSET_BEGINNING, &partition_metadata::begin,
                     timeout_ms);
        read_offsets(rk, detailed, RD_KAFKA_OFFSET_END, &partition_metadata::next, timeout_ms);
    }
    take_cluster_id(rk, reply, 0);
    return reply;
}

}  // namespace weft::kafka::client
