#include "offsets_stream.hpp"

#include "errors.hpp"
#include "limits.hpp"

#include <utility>

namespace weft::kafka::client {

offsets_stream::offsets_stream(stream s, stream_owner& owner, worker w, const client_config& config,
                               topics& registry, hooks& callbacks, blocking_thread& thread,
                               const std::string& topic, std::string group)
    : topic_stream(s, owner),
      worker_(w),
      topics_(registry),
      config_(config),
      callbacks_(callbacks),
      consumer_(std::make_shared<consumer_slot>()),
      thread_(thread),
      topic_(topic),
      group_(std::move(group)),
      self_(std::make_shared<offsets_stream*>(this)) {
    meta_writer<weft_kafka_begin> m;
    m->role = WEFT_KAFKA_OFFSETS;
    m->topic = m.text(topic_);
    m->group = m.text(group_);
    s.begin(m.get());
    topics_.join(*this, topic_, false);
    on_topic();
}

offsets_stream::~offsets_stream() {
    *self_ = nullptr;
    if (timer_) worker_.cancel(timer_);
    topics_.leave(*this);
    thread_.post([slot = std::move(consumer_)] { slot->made.reset(); });
}

void offsets_stream::on_topic() {
    if (of && of->present && !told_ && !timer_) read();
}

void offsets_stream::ask(std::function<offsets_reply(const handle&)> call,
                         std::function<void(offsets_stream&, const offsets_reply&)> then) {
    thread_.post([self = self_, w = worker_, slot = consumer_, &config = config_,
                  &callbacks = callbacks_, group = group_, call = std::move(call),
                  then = std::move(then)] {
        offsets_reply reply;
        try {
            if (!slot->made)
                slot->made = std::make_unique<handle>(role::consumer, config, callbacks, group);
            reply = call(*slot->made);
        } catch (const std::exception& e) {  // no descriptors or no memory for a consumer
            reply.error = RD_KAFKA_RESP_ERR__FAIL;
            reply.text = e.what();
        }
        w.post([self, then, reply = std::move(reply)] {
            if (*self && (*self)->of) then(**self, reply);
        });
    });
}

void offsets_stream::read() {
    timer_ = 0;
    if (std::exchange(reading_, true)) return;
    std::vector<int32_t> partitions;
    for (const auto& p : of->metadata.partitions) partitions.push_back(p.id);
    ask(
        [topic = topic_, partitions = std::move(partitions)](const handle& consumer) {
            return read_group_offsets(consumer, topic, partitions, limits::offsets_request_ms);
        },
        [](offsets_stream& s, const offsets_reply& reply) { s.on_read(reply); });
}

void offsets_stream::on_read(const offsets_reply& reply) {
    reading_ = false;
    if (told_) return;
    if (reply.error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        // Groups have rights of their own; whoever waits is to know what for.
        if (reply.error == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED)
            send_status(WEFT_KAFKA_NOT_AUTHORIZED, kafka_code(reply.error),
                        "not authorized for consumer group '" + group_ + "'");
        failures_.emit(worker_, WEFT_WARN, "binding.kafka.group.offsets.failed", [&] {
            return "What consumer group " + group_ + " has committed in " + topic_ +
                   " cannot be read; trying again: " + reply.text;
        });
        timer_ =
            worker_.timer_in_ms(limits::offsets_retry_ms, weft::call<&offsets_stream::read>, this);
        return;
    }
    told_ = true;
    answer(0, reply);
}

void offsets_stream::on_flush(stream, const weft_flush& f) {
    const meta_view<weft_kafka_offsets> m(f.h.meta);
    if (!m || !of) return;
    const auto list = m.list<weft_kafka_place>(m->places);
    ask(
        [topic = topic_,
         places = std::vector<weft_kafka_place>(list.begin(), list.end())](const handle& consumer) {
            return commit_group_offsets(consumer, topic, places, limits::offsets_request_ms);
        },
        [token = m->token](offsets_stream& s, const offsets_reply& reply) {
            s.answer(token, reply);
        });
}

void offsets_stream::answer(uint64_t token, const offsets_reply& reply) {
    meta_writer<weft_kafka_offsets> m;
    m->token = token;
    m->error = reply.error == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : kafka_code(reply.error);
    if (!reply.places.empty())
        m->places = m.list_of(std::span<const weft_kafka_place>(reply.places));
    if (m->error != 0) m->text = m.text(reply.text);
    stream_.flush(m.get());
}

void offsets_stream::finish() {
    if (timer_) worker_.cancel(std::exchange(timer_, 0));
    topics_.leave(*this);
    stream_.end();
    stream_.reset();
}

}  // namespace weft::kafka::client
