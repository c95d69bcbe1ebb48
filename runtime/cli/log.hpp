// The log: plain lines on stderr, "2026-01-01T00:00:00.000Z info  text".
#pragma once

namespace weft::cli {

// Makes spdlog's default logger write so. Once, before any thread is started.
void start_log(bool verbose);

}  // namespace weft::cli
