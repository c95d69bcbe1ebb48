// The guard: who brings a token that a known key has signed is who the token says.
#pragma once

#include "claims.hpp"
#include "key_source.hpp"

#include <weft/event_limit.hpp>
#include <weft/guard.hpp>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace weft::guard_jwt {

struct jwt_options {
    policy rules;
    std::vector<std::string> files;
    std::string digest;
};

class jwt_guard final : public guard {
public:
    jwt_guard(jwt_options o, std::unique_ptr<key_source> keys);

    std::string digest() const override { return options_.digest; }
    std::vector<std::string> files() const override { return options_.files; }
    void verify(worker asker, const weft_guard_request& q, guard_answer answer) override;

private:
    // What is under way for one token.
    struct question {
        worker asker;
        std::string text;
        guard_answer answer;
    };
    bool judge_now(question& q, bool final);
    void refuse(question& q, const nlohmann::json& claims, const char* why);

    const jwt_options options_;
    std::mutex mutex_;  // of events_
    event_limit events_;
    // Last: its thread may still ask the above when it ends.
    std::unique_ptr<key_source> keys_;
};

}  // namespace weft::guard_jwt
