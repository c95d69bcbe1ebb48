#include "credentials.hpp"

#include "token_endpoint.hpp"

#include <weft/freed_by.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <stdexcept>

namespace weft::kafka::client {

namespace {

constexpr char unknown[] = "-";  // librdkafka refuses empty ones

using error_handle = std::unique_ptr<rd_kafka_error_t, freed_by<rd_kafka_error_destroy>>;

uint64_t now_ms() {
    using namespace std::chrono;
    return static_cast<uint64_t>(
        duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count());
}

int64_t end_of(const bearer_token& t) {
    return static_cast<int64_t>(
        t.expires_ms == bearer_token::no_end ? now_ms() + limits::token_endless_ms : t.expires_ms);
}

token_transport transport_of(const sasl_config& c) {
    if (!c.token_file.empty()) return {[path = c.token_file] { return read_token_file(path); }};
    if (!c.token_endpoint) return {};
    // Shared by two functions.
    const auto asked = std::make_shared<token_endpoint>(*c.token_endpoint);
    return {[asked] { return asked->get(); }, [asked] { asked->cancel(); }};
}

}  // namespace

credentials::credentials(const sasl_config& c)
    : config_(c), username_(c.username), password_(c.password), transport_(transport_of(c)) {
    if (!c.bearer()) {
        known_ = !c.asks_guard();
    } else if (!c.token.empty()) {
        try {
            token_ = read_token(c.token);
            known_ = token_.expires_ms > now_ms();
            if (!known_) token_fault_ = "the configured token has expired";
        } catch (const std::runtime_error& e) {
            token_fault_ = std::string("the configured token cannot be used: ") + e.what();
        }
    }
}

credentials::~credentials() {
    source_.reset();
}

bool credentials::known() const {
    const std::lock_guard lock(mutex_);
    return known_;
}

std::pair<std::string, std::string> credentials::login() const {
    const std::lock_guard lock(mutex_);
    return {username_.empty() ? unknown : username_, password_.empty() ? unknown : password_};
}

std::string credentials::identity() const {
    const std::lock_guard lock(mutex_);
    return config_.bearer() ? token_.principal : username_;
}

void credentials::join(rd_kafka_t* rk) {
    const std::lock_guard lock(mutex_);
    handles_.push_back(rk);
    if (!known_) return;
    apply(rk);
    if (!token_fault_.empty()) tell(token_fault_);
}

void credentials::leave(rd_kafka_t* rk) {
    const std::lock_guard lock(mutex_);
    std::erase(handles_, rk);
}

void credentials::apply(rd_kafka_t* rk) {
    if (!config_.bearer()) {
        const error_handle refused(
            rd_kafka_sasl_set_credentials(rk, username_.c_str(), password_.c_str()));
        if (refused) log(WEFT_ERROR, rd_kafka_error_string(refused.get()));
        return;
    }
    std::vector<const char*> extensions;
    for (const auto& e : config_.extensions) extensions.push_back(e.c_str());
    std::array<char, 256> error{};
    // Refused is one that has expired: the brokers would do the same, and librdkafka keeps the one
    // before.
    if (rd_kafka_oauthbearer_set_token(
            rk, token_.value.c_str(), end_of(token_), token_.principal.c_str(), extensions.data(),
            extensions.size(), error.data(), error.size()) != RD_KAFKA_RESP_ERR_NO_ERROR)
        token_fault_ = std::string("the token cannot be used: ") + error.data();
}

void credentials::tell(const std::string& why_not) {
    // A worker that is gone refuses.
    for (const auto& f : followers_) f.on.post([hear = f.hear, why_not] { hear(why_not); });
}

void credentials::listen(const void* id, worker w, listener l) {
    {
        const std::lock_guard lock(mutex_);
        followers_.push_back({id, w, std::move(l)});
        const auto& f = followers_.back();
        if (!token_fault_.empty()) f.on.post([hear = f.hear, why = token_fault_] { hear(why); });
    }
    start();
}

void credentials::forget(const void* id) {
    const std::lock_guard lock(mutex_);
    std::erase_if(followers_, [&](const follower& f) { return f.id == id; });
}

void credentials::start() {
    if (!transport_.get) return;
    std::call_once(started_, [this] {
        source_ = std::make_unique<token_source>(
            transport_, token_source::listener{[this](bearer_token t) { take(std::move(t)); },
                                               [this](const std::string& why) {
                                                   const std::lock_guard lock(mutex_);
                                                   tell(why);
                                               }});
    });
}

void credentials::take(bearer_token t) {
    const std::lock_guard lock(mutex_);
    const bool same = known_ && token_fault_.empty() && t.value == token_.value;
    token_ = std::move(t);
    known_ = true;
    token_fault_.clear();
    if (!same)
        for (auto* rk : handles_) apply(rk);
    tell(token_fault_);
}

void credentials::from_guard(const std::string& identity, const std::string& secret) {
    if (config_.guards_credentials && config_.bearer()) {
        try {
            take(read_token(secret));
        } catch (const std::runtime_error& e) {
            const std::lock_guard lock(mutex_);
            tell(std::string("the guard's credentials are no token: ") + e.what());
        }
        return;
    }
    const std::lock_guard lock(mutex_);
    const auto before = std::pair(username_, password_);
    if (config_.guards_identity) username_ = identity;
    if (config_.guards_credentials) password_ = secret;
    if (std::exchange(known_, true) && before == std::pair(username_, password_)) return;
    for (auto* rk : handles_) apply(rk);
    tell({});
}

void credentials::renew() {
    if (source_) source_->renew();
}

}  // namespace weft::kafka::client
