#include "cli/log.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <string_view>

namespace weft::cli {

namespace {

// Five letters, so that texts begin in one column.
class level_flag final : public spdlog::custom_flag_formatter {
public:
    void format(const spdlog::details::log_msg& msg, const std::tm&,
                spdlog::memory_buf_t& out) override {
        const std::string_view name = word(msg.level);
        out.append(name.data(), name.data() + name.size());
    }
    std::unique_ptr<custom_flag_formatter> clone() const override {
        return std::make_unique<level_flag>();
    }

private:
    static std::string_view word(spdlog::level::level_enum level) {
        switch (level) {
            case spdlog::level::trace:
            case spdlog::level::debug:
                return "debug";
            case spdlog::level::info:
                return "info ";
            case spdlog::level::warn:
                return "warn ";
            default:
                return "error";
        }
    }
};

}  // namespace

void start_log(bool verbose) {
    auto logger =
        std::make_shared<spdlog::logger>("weft", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    auto pattern = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
    pattern->add_flag<level_flag>('*').set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %* %v");
    logger->set_formatter(std::move(pattern));
    logger->set_level(verbose ? spdlog::level::debug : spdlog::level::info);
    logger->flush_on(spdlog::level::trace);
    spdlog::set_default_logger(std::move(logger));
}

}  // namespace weft::cli
