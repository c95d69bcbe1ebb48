#include "meta_stream.hpp"

namespace weft::kafka::client {

meta_stream::meta_stream(stream s, stream_owner& owner, topics& registry, const std::string& name)
    : topic_stream(s, owner), topics_(registry) {
    stream_.begin();
    topics_.join(*this, name, true);
}

void meta_stream::on_topic() {
    const topic& t = *of;
    if (!t.present || t.query < first_query) return;
    // A partition without leader holds the first answer up for a few attempts, and is then told
    // with unknown offsets.
    if (!told_ && !t.offsets_known() && t.leaderless_attempts < limits::leaderless_attempts_max)
        return;

    std::vector<partition_key> now;
    for (const auto& p : t.metadata.partitions) now.push_back({p.id, p.known()});
    if (told_ && now == told_partitions_ && t.metadata.cleanup == told_cleanup_ &&
        t.cluster_id == told_cluster_)
        return;

    meta_writer<weft_kafka_partitions> m;
    m->cleanup = t.metadata.cleanup;
    const weft_ref list = m.list<weft_kafka_partition>(now.size());
    for (size_t i = 0; i < now.size(); ++i) {
        const auto& p = t.metadata.partitions[i];
        m.item<weft_kafka_partition>(list, i) = {p.begin, p.next, p.id, 0};
    }
    m->partitions = list;
    if (!t.cluster_id.empty()) m->cluster_id = m.text(t.cluster_id);
    stream_.flush(m.get());

    told_ = true;
    told_cleanup_ = t.metadata.cleanup;
    told_cluster_ = t.cluster_id;
    told_partitions_ = std::move(now);
}

void meta_stream::finish() {
    topics_.leave(*this);
    stream_.end();
    stream_.reset();
}

}  // namespace weft::kafka::client
