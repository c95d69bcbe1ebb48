#include "bridge.hpp"

#include "connection.hpp"
#include "handle.hpp"
#include "limits.hpp"

#include <algorithm>

namespace weft::kafka::client {

void bridge::backoff::fail(uint64_t now_ns, uint64_t max_ms) {
    const uint64_t doublings = std::min<uint64_t>(failures++, 20);
    until_ns = now_ns + std::min(limits::reconnect_min_ms << doublings, max_ms) * 1'000'000;
}

bridge::bridge(worker w, const client_config& config, bridge_observer& observer)
    : worker_(w), config_(config), observer_(observer) {}

bridge::~bridge() = default;

void bridge::connect(connect_request request) {
    if (request.node.starts_with(bootstrap_mark)) request.node.erase(0, bootstrap_mark.size());
    const auto to = parse_server(request.node);
    if (stopping_ || !to) return;  // closes the end: librdkafka sees a failed connection
    connections_.push_back(std::make_unique<connection>(*this, std::move(request), *to));
    auto& c = *connections_.back();
    c.watch_for_end();
    if (!held_) c.start_at(start_of(c));
}

uint64_t bridge::start_of(const connection& c) {
    return std::max(backoff_[c.node()].until_ns, penalty_.until_ns);
}

void bridge::release() {
    if (!std::exchange(held_, false)) return;
    for (const auto& c : connections_) c->start_at(start_of(*c));
}

void bridge::slow_down() {
    penalty_.fail(worker_.now_ns(), static_cast<uint64_t>(config_.reconnect_max_ms));
}

void bridge::stop() {
    stopping_ = true;
    // close() of a connection without a stream removes it from the list.
    for (size_t i = connections_.size(); i-- > 0;) connections_[i]->close();
}

void bridge::opened() {
    ++established_;
    observer_.on_opened();
}

void bridge::heard(const connection& c) {
    if (answered_) proven(c);
}

// A connection alone proves nothing: something else than Kafka may listen there.
void bridge::proven(const connection& c) {
    backoff_[c.node()] = {};
    observer_.on_connected(c.destination());
}

void bridge::failed(const connection& c, const std::string& why) {
    backoff_[c.node()].fail(worker_.now_ns(), static_cast<uint64_t>(config_.reconnect_max_ms));
    observer_.on_connect_failed(c.destination(), why);
}

// A broker that wants TLS or SASL from somebody who does not know it closes the connection without
// a word. One that does not take the certificate it was shown says so only when TLS is there.
void bridge::lost(const connection& c, bool by_peer, const std::string& why) {
    --established_;
    if (!why.empty() && c.received() == 0) return failed(c, why);
    if (by_peer && !answered_ && (!config_.sasl || c.received() == 0))
        failed(c, to_string(c.destination()) +
                      " closed the connection without an answer; does it expect TLS or SASL?");
}

void bridge::on_answer() {
    penalty_ = {};
    if (std::exchange(answered_, true)) return;
    for (const auto& c : connections_)
        if (c->is_open() && c->received() > 0) proven(*c);
}

void bridge::remove(connection& c) {
    const auto it = std::find_if(connections_.begin(), connections_.end(),
                                 [&](const auto& p) { return p.get() == &c; });
    if (it == connections_.end()) return;
    std::swap(*it, connections_.back());
    connections_.pop_back();
}

}  // namespace weft::kafka::client
