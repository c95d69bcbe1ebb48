#include "login.hpp"

#include "bridge.hpp"
#include "health.hpp"
#include "limits.hpp"

namespace weft::kafka::client {

login::login(worker w, const client_config& config, credentials* all, bridge& b, health& h)
    : worker_(w), config_(config), all_(all), bridge_(b), health_(h) {}

login::~login() {
    if (all_ && begun_) all_->forget(this);
    if (asked_) *asked_ = nullptr;
    if (timer_) worker_.cancel(timer_);
}

void login::begin() {
    if (!all_ || std::exchange(begun_, true)) return;
    if (!all_->known()) {
        bridge_.hold();
        health_.on_awaiting_credentials();
    }
    all_->listen(this, worker_, [this](const std::string& why_not) { heard(why_not); });
    if (config_.sasl->asks_guard()) ask_guard();
}

void login::heard(const std::string& why_not) {
    if (!why_not.empty()) return health_.on_no_credentials(why_not, all_->known());
    health_.on_credentials();
    bridge_.release();
}

void login::on_refused() {
    if (!all_) return;
    all_->renew();
    if (config_.sasl->asks_guard()) ask_again_in(limits::guard_gap_ms);
}

void login::ask_again_in(uint64_t ms) {
    if (!timer_) timer_ = worker_.timer_in_ms(ms, call<&login::ask_guard>, this);
}

// Nobody's credentials are shown: a guard that holds some of its own says them.
void login::ask_guard() {
    timer_ = 0;
    if (asked_) return;
    asked_ = std::make_shared<login*>(this);
    weft_guard_request q{};
    q.size = sizeof q;
    q.context = worker_.index() + 1;
    verify(worker_, config_.sasl->guard, q,
           [asked = asked_](const auth_ref& who, std::string_view why_not) {
               if (*asked) (*asked)->on_guard(who, why_not);
           });
}

void login::on_guard(const auth_ref& who, std::string_view why_not) {
    asked_.reset();
    const auto* s = session_of(worker_, who.id());
    std::string fault;
    if (!s)
        fault = why_not;
    else if (config_.sasl->guards_identity && !*s->identity)
        fault = "it has no identity of its own";
    else if (config_.sasl->guards_credentials && !*s->credentials)
        fault = "it has no credentials of its own";
    if (fault.empty()) {
        all_->from_guard(s->identity, s->credentials);
        // What another worker has heard before this one had begun is not told again.
        if (all_->known()) heard({});
        return;
    }
    heard("guard " + config_.sasl->guard + " has none: " + fault);
    ask_again_in(limits::credentials_retry_ms);
}

}  // namespace weft::kafka::client
