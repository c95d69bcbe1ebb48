#include "cli/control_client.hpp"
#include "cli/control_server.hpp"
#include "cli/control_service.hpp"
#include "cli/control_socket.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>
#include <filesystem>
#include <future>
#include <system_error>
#include <thread>

namespace weft::cli {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using namespace std::chrono_literals;

class fake_instance : public instance_view {
public:
    engine_status status() const override { return now; }
    std::vector<metric_value> metrics() const override {
        return {{"n", "a", "stream.opens.sent", 3, false},
                {"n", "b", "stream.opens.sent", 4, false},
                {"m", "a", "x", 5, true}};
    }
    const std::vector<plugin_info>& plugins() const override { return installed; }
    json facts() const override { return {{"pid", 42}, {"workers", 2}}; }
    std::chrono::milliseconds grace() const override { return 1500ms; }
    std::vector<generation_info> generations() const override {
        return {{"n:a", "tcp", "1", "tcp.so", 2, false, {}, 3},
                {"n:a", "tcp", "1", "tcp.so", 1, true, 700ms, 1}};
    }
    json reload(std::optional<std::chrono::milliseconds> drain) override {
        drained = drain;
        return {{"ok", true}, {"changed", {"n:a"}}};
    }
    void request_stop() override { ++stops; }

    engine_status now{engine_state::listening, {"n:c: kafka localhost:9092: refused"}, 7};
    std::vector<plugin_info> installed{
        {"binding", "tcp", "0.1.0", "tcp.so", 0, 1, 3, "{}", {}, {}, ""}};
    int stops = 0;
    std::optional<std::chrono::milliseconds> drained;
};

TEST(control, answers) {
    fake_instance instance;
    const auto ask = [&](const json& request) { return handle(request.dump(), instance).body; };
    const json status = ask({{"command", "status"}})["status"];
    EXPECT_EQ(status["state"], "listening");
    EXPECT_EQ(status["pid"], 42);
    EXPECT_EQ(status["streams"], 7);
    EXPECT_EQ(status["waiting_for"][0], "n:c: kafka localhost:9092: refused");
    EXPECT_EQ(ask({{"command", "plugins"}})["plugins"][0]["kinds"], json({"server", "client"}));
    EXPECT_THAT(ask({{"command", "metrics"}})["metrics"], SizeIs(3));
    EXPECT_THAT(ask({{"command", "metrics"}, {"binding", "a"}})["metrics"], SizeIs(2));
    EXPECT_THAT(ask({{"command", "metrics"}, {"binding", "a"}, {"namespace", "n"}})["metrics"],
                SizeIs(1));
    const json generations = ask({{"command", "generations"}})["generations"];
    EXPECT_EQ(generations[0]["state"], "serving");
    EXPECT_FALSE(generations[0].contains("drain_left_ms"));
    EXPECT_EQ(generations[1]["drain_left_ms"], 700);
    EXPECT_EQ(ask({{"command", "reload"}, {"drain_ms", 250}})["changed"][0], "n:a");
    EXPECT_EQ(instance.drained, 250ms);
    ask({{"command", "reload"}});
    EXPECT_EQ(instance.drained, std::nullopt);
    const auto stop = handle(R"({"command": "stop"})", instance);
    EXPECT_EQ(stop.body["pid"], 42);
    EXPECT_EQ(stop.body["grace_ms"], 1500);
    EXPECT_TRUE(stop.hold);
    EXPECT_EQ(instance.stops, 1);
}

TEST(control, what_cannot_be_answered) {
    fake_instance instance;
    for (const char* bad :
         {"", "{", "[]", "{}", "5", R"({"command": 1})", R"({"command": "metrics", "binding": 1})",
          R"({"command": "wait", "timeout_ms": "x"})"}) {
        const json body = handle(bad, instance).body;
        EXPECT_EQ(body["ok"], false) << bad;
        EXPECT_FALSE(body["error"].get<std::string>().empty()) << bad;
    }
    EXPECT_THAT(handle(R"({"command": "dance"})", instance).body["error"].get<std::string>(),
                HasSubstr("allowed: status"));
}

// A server on its own thread, in a directory whose name may be too long for a socket's address.
class control_server_test : public ::testing::TestWithParam<size_t> {
protected:
    control_server_test()
        : directory_(::testing::TempDir() + "weft-control-" + std::to_string(::getpid()) + "/" +
                     std::string(GetParam(), 'd')) {
        std::filesystem::create_directories(directory_);
        server_.emplace(loop_, listen_on(directory_), instance);
        thread_ = std::thread([this] { loop_.run(); });
    }
    ~control_server_test() override {
        end();
        std::filesystem::remove_all(std::filesystem::path(directory_).parent_path());
    }
    void end() {
        if (!thread_.joinable()) return;
        work_.reset();
        loop_.stop();
        thread_.join();
        server_.reset();
        loop_storage_.reset();
    }
    // Runs on the server's thread.
    template <class F>
    void on_loop(F f) {
        std::promise<void> done;
        boost::asio::post(loop_, [&] {
            f();
            done.set_value();
        });
        done.get_future().wait();
    }
    control_client connect() {
        auto client = control_client::connect(directory_);
        if (!client) throw std::runtime_error("nobody listens");
        return std::move(*client);
    }

    fake_instance instance;
    std::string directory_;
    std::unique_ptr<boost::asio::io_context> loop_storage_ =
        std::make_unique<boost::asio::io_context>(1);
    boost::asio::io_context& loop_ = *loop_storage_;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_ =
        boost::asio::make_work_guard(loop_);
    std::optional<control_server> server_;
    std::thread thread_;
};

INSTANTIATE_TEST_SUITE_P(path_length, control_server_test, ::testing::Values(5, 200));

TEST_P(control_server_test, serves_several_requests_on_one_connection) {
    auto client = connect();
    EXPECT_EQ(client.request({{"command", "status"}}, 5s)["status"]["workers"], 2);
    EXPECT_EQ(client.request({{"command", "nothing"}}, 5s)["ok"], false);
    EXPECT_EQ(client.request({{"command", "plugins"}}, 5s)["ok"], true);
}

TEST_P(control_server_test, only_this_user_may_connect) {
    const auto mode = std::filesystem::status(directory_ + "/control.sock").permissions();
    EXPECT_EQ(mode, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_P(control_server_test, wait_is_answered_when_ready) {
    auto client = connect();
    auto answer = std::async(std::launch::async, [&] {
        return client.request({{"command", "wait"}, {"timeout_ms", 60'000}}, 60s);
    });
    auto other = connect();
    EXPECT_EQ(other.request({{"command", "status"}}, 5s)["status"]["state"], "listening");
    on_loop([&] {
        instance.now.state = engine_state::ready;
        instance.now.waiting_for.clear();
        server_->ready();
    });
    // The request may come after ready(): then it is answered at once. Both are right.
    const json got = answer.get();
    EXPECT_EQ(got["ok"], true);
    EXPECT_EQ(got["status"]["state"], "ready");
}

TEST_P(control_server_test, wait_ends_at_its_timeout) {
    auto client = connect();
    const json got = client.request({{"command", "wait"}, {"timeout_ms", 1}}, 5s);
    EXPECT_EQ(got["ok"], false);
    EXPECT_EQ(got["status"]["state"], "listening");
    EXPECT_EQ(got["status"]["waiting_for"].size(), 1u);
    EXPECT_EQ(client.request({{"command", "status"}}, 5s)["ok"], true);
}

TEST_P(control_server_test, stop_keeps_the_connection_until_the_end) {
    auto client = connect();
    EXPECT_EQ(client.request({{"command", "stop"}}, 5s)["ok"], true);
    EXPECT_FALSE(client.wait_closed(1ms));
    end();
    EXPECT_TRUE(client.wait_closed(5s));
    EXPECT_EQ(instance.stops, 1);
}

TEST_P(control_server_test, a_request_without_end_is_cut_off) {
    auto client = connect();
    EXPECT_THROW(client.request({{"command", std::string(control_request_size_max, 'x')}}, 5s),
                 control_error);
    EXPECT_EQ(connect().request({{"command", "status"}}, 5s)["ok"], true);
}

TEST_P(control_server_test, nobody_listens_after_close) {
    on_loop([&] { server_->close(); });
    EXPECT_FALSE(control_client::connect(directory_));
}

TEST(control, nobody_there) {
    EXPECT_FALSE(control_client::connect("/nonexistent"));
    EXPECT_FALSE(control_client::connect("/nonexistent/" + std::string(200, 'x')));
    EXPECT_THROW(listen_on("/nonexistent"), std::system_error);
}

}  // namespace
}  // namespace weft::cli
