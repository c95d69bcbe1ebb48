// Who may use one Kafka topic: the ACCESS streams for it.
//
// One SHARED stream tells whether anybody need be asked. Where that is so, each session that wants
// the topic is asked for once, by a stream of its own, and the answer is kept as long as the
// session and this link.
//
//   unknown --SHARED answered--> open to all
//                          \---> guarded: per session  asked --BEGIN--> allowed
//                                                        ^  \--RESET 29--> denied
//                                                        \--anything else, after a pause
#pragma once

#include "kafka/topic_listener.hpp"
#include "kafka/topic_stream.hpp"

#include <weft/guard.hpp>

#include <memory>
#include <unordered_map>
#include <vector>

namespace weft::mqtt_kafka {

enum class access_verdict : uint8_t { unknown, allowed, denied };

class access_link final : public topic_stream {
public:
    access_link(worker w, uint64_t exit, kafka_topic& topic, topic_listener& listener);
    ~access_link() override;

    // Not everybody may use the topic, or that is not known yet.
    bool guarded() const { return !known_ || guarded_; }
    // May the session, whose client is `auth`? While that is unknown it is being asked for, and
    // topic_listener::on_access follows.
    access_verdict of(session& who, uint64_t auth);
    // The session is over, or has no client any more that could want anything.
    void forget(session& who);
    // No question is asked or answered any more.
    void stop();
    // Of the streams that ask for sessions none is left.
    bool quiet() const { return asking_ == 0; }

    void on_begin(stream s, const weft_begin& b) override;
    void on_reset(stream s, const weft_frame& f) override;

protected:
    void on_state_changed() override { listener_.on_topic_changed(of_); }

private:
    class question;
    struct entry {
        access_verdict verdict = access_verdict::unknown;
        question* asked = nullptr;
        auth_ref auth;  // until there is a verdict
    };
    void learn(bool guarded);
    void ask(session& who, entry& e);
    void on_answer(question& q, access_verdict verdict);
    void on_retry();

    kafka_topic& of_;
    topic_listener& listener_;
    const uint64_t exit_;
    std::unordered_map<session*, entry> entries_;
    std::vector<session*> lost_;  // to be asked for again
    uint64_t retry_timer_ = 0;
    uint32_t asking_ = 0;
    bool known_ = false, guarded_ = false;
};

}  // namespace weft::mqtt_kafka
