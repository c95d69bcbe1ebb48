// Downloads a small document by http or https (libcurl), on a thread that may block; another may
// end it early.
#pragma once

#include <curl/curl.h>

#include <atomic>
#include <string>

namespace weft::guard_jwt {

class downloader {
public:
    // `trust`: a PEM file of CA certificates; empty: those of the system.
    downloader(std::string url, std::string trust);
    ~downloader();
    downloader(const downloader&) = delete;
    downloader& operator=(const downloader&) = delete;

    // Throws std::runtime_error that says what went wrong.
    std::string get();
    // From then on get() ends at once. From any thread.
    void cancel();

private:
    const std::string url_, trust_;
    CURLM* multi_;
    std::atomic<bool> cancelled_{false};
};

}  // namespace weft::guard_jwt
