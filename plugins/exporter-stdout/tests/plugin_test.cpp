// The plugin as the host runs it: created, given events, replaced by a generation of its own.
#include <weft/testing.hpp>

#include <gtest/gtest.h>

#include <unistd.h>

extern "C" const weft_plugin* weft_plugin_1(void);

namespace {

constexpr const char* config =
    R"({"namespace": "n", "name": "e", "type": "stdout", "options": {}})";

// Standard output leads to a pipe for as long as this lives.
class captured_stdout {
public:
    captured_stdout() : saved_(::dup(STDOUT_FILENO)) {
        std::fflush(stdout);
        EXPECT_EQ(::pipe(ends_), 0);
        EXPECT_GE(::dup2(ends_[1], STDOUT_FILENO), 0);
        ::close(ends_[1]);
    }
    ~captured_stdout() {
        restore();
        stop_reading();
    }
    captured_stdout(const captured_stdout&) = delete;
    captured_stdout& operator=(const captured_stdout&) = delete;

    std::string read() const {
        char buffer[4096];
        const ssize_t n = ::read(ends_[0], buffer, sizeof buffer);
        return n > 0 ? std::string(buffer, static_cast<size_t>(n)) : std::string();
    }
    void stop_reading() {
        if (ends_[0] >= 0) ::close(ends_[0]);
        ends_[0] = -1;
    }
    void restore() {
        if (saved_ < 0) return;
        ::dup2(saved_, STDOUT_FILENO);
        ::close(saved_);
        saved_ = -1;
    }

private:
    int saved_;
    int ends_[2] = {-1, -1};
};

class exporter_plugin : public ::testing::Test {
protected:
    void* make() {
        void* e = nullptr;
        weft_error error{};
        EXPECT_EQ(table().create(host.load(weft_plugin_1).self(), config, &e, &error), WEFT_OK)
            << error.text;
        return e;
    }
    const weft_exporter_vt& table() {
        return *host.load(weft_plugin_1).extension<weft_exporter_vt>(WEFT_EXPORTER);
    }
    void event(void* exporter, const char* text) {
        const weft_event e{sizeof e, WEFT_INFO, 1'700'000'000'000,   0,
                           "n",      "mqtt",    "binding.mqtt.test", text};
        table().on_event(exporter, &e);
    }
    weft::testing::host host;
};

TEST_F(exporter_plugin, an_event_is_a_line) {
    std::string line;
    {
        const captured_stdout out;
        void* e = make();
        event(e, "It happened.");
        line = out.read();
        table().destroy(e);
    }
    EXPECT_NE(line.find("BINDING_MQTT_TEST"), std::string::npos) << line;
    EXPECT_NE(line.find("It happened."), std::string::npos) << line;
    EXPECT_EQ(line.back(), '\n');
    host.finish();
}

TEST_F(exporter_plugin, a_reader_that_is_gone_is_told_of_once) {
    {
        captured_stdout out;
        void* old = make();
        out.stop_reading();
        event(old, "lost");
        event(old, "lost, too");
        void* next = make();  // the next generation finds it closed as well
        event(next, "lost as well");
        table().destroy(old);
        table().destroy(next);
    }
    size_t told = 0;
    for (const auto& line : host.logs())
        if (line.text.find("closed") != std::string::npos) ++told;
    EXPECT_EQ(told, 1u);
    host.finish();
}

}  // namespace
