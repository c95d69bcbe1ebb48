// What the librdkafka handles of a binding authenticate with, from wherever it comes: the
// configuration, a guard, a token file or a token endpoint. One per binding, for all of its
// workers; every function may be called on any thread.
#pragma once

#include "sasl_config.hpp"
#include "token_source.hpp"

#include <weft/worker.hpp>

#include <librdkafka/rdkafka.h>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace weft::kafka::client {

class credentials {
public:
    // Hears, on its worker, that there are credentials (an empty text), or why there are no newer
    // ones.
    using listener = std::function<void(const std::string& why_not)>;

    explicit credentials(const sasl_config& c);
    ~credentials();
    credentials(const credentials&) = delete;
    credentials& operator=(const credentials&) = delete;

    // There is something to authenticate with; before that no connection can succeed.
    bool known() const;
    // User and password to make a handle with. librdkafka wants some even before they are known.
    std::pair<std::string, std::string> login() const;

    // Who that is, for people.
    std::string identity() const;

    // From here until leave() the handle has what is newest.
    void join(rd_kafka_t* rk);
    void leave(rd_kafka_t* rk);

    // From the first call on, if there is a source of tokens, it works. `id` is the listener's, to
    // be forgotten by.
    void listen(const void* id, worker w, listener l);
    void forget(const void* id);

    // What a guard says, for those parts that the configuration leaves to it.
    void from_guard(const std::string& identity, const std::string& secret);
    // The brokers have refused what there is: get a newer one, where that can be had.
    void renew();

private:
    struct follower {
        const void* id;
        worker on;
        listener hear;
    };
    void take(bearer_token t);
    void apply(rd_kafka_t* rk);
    void tell(const std::string& why_not);
    void start();

    const sasl_config config_;
    mutable std::mutex mutex_;  // of all below but the source
    std::vector<rd_kafka_t*> handles_;
    std::vector<follower> followers_;
    std::string username_, password_;
    bearer_token token_;
    std::string token_fault_;  // why the configured token cannot be used
    bool known_ = false;

    token_transport transport_;  // without a function where there is nothing to get
    std::once_flag started_;
    std::unique_ptr<token_source> source_;  // last: its thread calls the rest
};

}  // namespace weft::kafka::client
