#include "access_stream.hpp"

namespace weft::kafka::client {

access_stream::access_stream(stream s, stream_owner& owner, std::vector<access_stream*>& list,
                             const std::string& topic, bool guarded)
    : topic_stream(s, owner), list_(list) {
    list_.push_back(this);
    meta_writer<weft_kafka_begin> m;
    m->role = WEFT_KAFKA_ACCESS;
    if (guarded) m->flags = WEFT_KAFKA_GUARDED;
    m->topic = m.text(topic);
    stream_.begin(m.get());
}

}  // namespace weft::kafka::client
