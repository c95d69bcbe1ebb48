#include "client.hpp"

#include "config.hpp"
#include "credentials.hpp"
#include "event_limiter.hpp"
#include "instance.hpp"

#include <memory>
#include <mutex>
#include <vector>

namespace weft::kafka {

namespace {

class client_binding : public binding {
public:
    explicit client_binding(const binding_config& c) : config_(client_config::parse(c)) {
        if (config_.sasl) secrets_ = std::make_unique<client::credentials>(*config_.sasl);
        for (const auto r :
             {client::role::producer, client::role::consumer, client::role::follower}) {
            try {
                client::make_conf(r, config_, secrets_.get());
            } catch (const std::runtime_error& e) {
                throw config_error("/options", e.what());
            }
        }
    }

    std::unique_ptr<instance> attach(worker w) override {
        return std::make_unique<client::client_instance>(w, config_, limiter_, secrets_.get(),
                                                         [this](client::remains r) {
                                                             const std::lock_guard lock(mutex_);
                                                             remains_.push_back(std::move(r));
                                                         });
    }

private:
    const client_config config_;
    client::event_limiter limiter_;
    std::unique_ptr<client::credentials> secrets_;  // outlives the handles, which are below
    std::mutex mutex_;
    std::vector<client::remains>
        remains_;  // of all workers; librdkafka's threads end here, on the control thread
};

}  // namespace

std::unique_ptr<binding> make_client(binding_config config) {
    return std::make_unique<client_binding>(config);
}

}  // namespace weft::kafka
