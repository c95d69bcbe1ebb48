#include "bridge.hpp"

#include "connection.hpp"
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
    const auto to = parse_server(request.node);
    if (stopping_ || !to) return;  // closes the end: librdkafka sees a failed connection
    const auto& b = backoff_[request.node];
    const uint64_t at = std::max(b.until_ns, penalty_.until_ns);
    connections_.push_back(std::make_unique<connection>(*this, std::move(request), *to));
    connections_.back()->start_at(at);
}

void bridge::slow_down() { penalty_.fail(worker_.now_ns(), static_cast<uint64_t>(config_.reconnect_max_ms)); }

void bridge::stop() {
    stopping_ = true;
    // close() of a connection without a stream removes it from the list.
    for (size_t i = connections_.size(); i-- > 0;) connections_[i]->close();
}

void bridge::opened(connection& c) {
    ++established_;
    backoff_[c.node()] = {};
    observer_.on_connected(c.destination());
}

void bridge::failed(connection& c, const std::string& why) {
    backoff_[c.node()].fail(worker_.now_ns(), static_cast<uint64_t>(config_.reconnect_max_ms));
    observer_.on_connect_failed(c.destination(), why);
}

void bridge::lost(connection&) { --established_; }

void bridge::remove(connection& c) {
    const auto it = std::find_if(connections_.begin(), connections_.end(), [&](const auto& p) { return p.get() == &c; });
    if (it == connections_.end()) return;
    std::swap(*it, connections_.back());
    connections_.pop_back();
}

}  // namespace weft::kafka::client
