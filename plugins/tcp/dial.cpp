#include "dial.hpp"

#include "resolve.hpp"
#include "socket_io.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace weft::tcp {

namespace {

// A connect to an ephemeral port of this machine where nobody listens can meet itself (simultaneous
// open).
bool met_itself(int fd) {
    const auto a = socket_address::local_of(fd), b = socket_address::peer_of(fd);
    return a.port() == b.port() && ip_address::of(a) == ip_address::of(b);
}

}  // namespace

struct dial::lookup {
    dial* owner;  // null once the dial is gone
    std::string host;
    uint16_t port;
    resolved found;

    void work() noexcept { found = resolve(host, port); }
    void done() {
        if (!owner) return;
        dial& d = *owner;
        d.lookup_ = nullptr;
        if (!found.addresses.empty()) return d.connect_to(std::move(found.addresses));
        d.context_.on_name_failed(host);
        d.fail(0, found.error);
    }
};

dial::attempt::~attempt() {
    if (watch) owner->context_.loop.cancel(watch);
    if (fd >= 0) close(fd);
}

void dial::attempt::on_ready(uint32_t) {
    owner->finish(*this);
}

dial::dial(dial_context& context, dial_listener& listener, destination to)
    : context_(context), listener_(listener), to_(std::move(to)) {}

dial::~dial() {
    if (lookup_) lookup_->owner = nullptr;
    if (deadline_timer_) context_.loop.cancel(deadline_timer_);
    if (stagger_timer_) context_.loop.cancel(stagger_timer_);
}

void dial::start() {
    deadline_timer_ = context_.loop.timer_in_ms(context_.settings.connect_timeout_ms,
                                                call<&dial::on_timeout>, this);
    if (const auto literal = socket_address::parse(to_.host, to_.port))
        return connect_to({*literal});
    auto task = std::make_unique<lookup>(lookup{this, to_.host, to_.port, {}});
    lookup_ = task.get();
    if (!context_.loop.run(std::move(task))) {
        lookup_ = nullptr;
        fail(EAGAIN, {});
    }
}

void dial::connect_to(std::vector<socket_address> addresses) {
    if (to_.check_permitted) {
        const auto* who = session_of(context_.loop, to_.auth);
        std::erase_if(addresses, [&](const socket_address& a) {
            return !context_.settings.permitted.match(
                {ip_address::of(a), to_.port, to_.host, {}, who});
        });
        if (addresses.empty())
            return fail(EACCES, "the binding's routes do not permit this destination");
    }
    race_.emplace(addresses);
    advance();
}

void dial::advance() {
    const uint64_t now = context_.loop.now_ns();
    while (const auto index = race_->next(now)) {
        if (const int error = try_address(*index); error != 0) race_->failed(*index, error);
    }
    if (race_->lost()) return fail(race_->error(), {});
    if (stagger_timer_) context_.loop.cancel(std::exchange(stagger_timer_, 0));
    if (const auto at = race_->wake_at())
        stagger_timer_ = context_.loop.timer_at(*at, call<&dial::on_stagger>, this);
}

int dial::try_address(size_t index) {
    const auto& address = race_->address(index);
    auto a = std::make_unique<attempt>(attempt{this, index, -1, 0});
    a->fd = socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    if (a->fd < 0) return errno;
    apply(context_.settings.socket, a->fd);
    // An immediate success shows as writable like a later one.
    if (connect(a->fd, &address.generic, address.size()) != 0 && errno != EINPROGRESS) return errno;
    a->watch = context_.loop.watch(a->fd, WEFT_WRITABLE, call<&attempt::on_ready>, a.get());
    if (!a->watch) return ENOMEM;
    attempts_.push_back(std::move(a));
    return 0;
}

void dial::finish(attempt& a) {
    int error = socket_error(a.fd);
    if (error == 0 && met_itself(a.fd)) error = ECONNREFUSED;
    if (error == 0) {
        context_.loop.cancel(std::exchange(a.watch, 0));
        return listener_.on_dialled(std::exchange(a.fd, -1));
    }
    const size_t index = a.index;
    std::erase_if(attempts_, [&](const auto& p) { return p.get() == &a; });
    race_->failed(index, error);
    advance();
}

void dial::on_stagger() {
    stagger_timer_ = 0;
    advance();
}

void dial::on_timeout() {
    deadline_timer_ = 0;
    const auto ms = std::to_string(context_.settings.connect_timeout_ms);
    fail(ETIMEDOUT, lookup_ ? "the name was not resolved within " + ms + " ms"
                            : "no answer within " + ms + " ms");
}

void dial::fail(int error, const std::string& why) {
    listener_.on_dial_failed(error,
                             "connect to " + host_and_port(to_.host, to_.port) + ": " +
                                 (why.empty() ? std::generic_category().message(error) : why));
}

}  // namespace weft::tcp
