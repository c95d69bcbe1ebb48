// A stream that cannot be served: says why and goes.
#pragma once

#include <weft/worker.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace weft::kafka {

inline constexpr int32_t topic_authorization_failed = 29;

class refusal final : public endpoint {
public:
    // The endpoint to return from accept.
    static endpoint* of(stream s, int32_t error, std::string_view why) {
        meta_writer<weft_kafka_reset> m;
        m->error = error;
        const weft_ref text = m.text(why);
        m->text = text;
        s.reset(m.get());
        s.abort(m.get());
        return new refusal;
    }
    // By guarded routes.
    static endpoint* of_topic(stream s, const std::string& binding, const std::string& topic) {
        return of(s, topic_authorization_failed,
                  "no route of " + binding + " lets this client use topic '" + topic + "'");
    }
    void on_closed(stream) override { delete this; }

private:
    refusal() = default;
};

}  // namespace weft::kafka
