// transfer: requests to one HTTP server, by libcurl, for a thread that may block; another may end
// them early.
#pragma once

#include <curl/curl.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <stdexcept>
#include <string>

namespace weft {

// libcurl counts who has started it. To be made where a plugin or binding is, not on a worker.
class libcurl {
public:
    libcurl();
    ~libcurl();
    libcurl(const libcurl&) = delete;
    libcurl& operator=(const libcurl&) = delete;
};

class transfer {
public:
    struct limits {
        uint64_t connect_ms, whole_ms;
        size_t answer_bytes;
    };
    struct answer {
        long status = 0;
        std::string body;
    };
    struct too_large : std::runtime_error {
        too_large() : std::runtime_error("the answer is too large") {}
    };

    // `trust`: a PEM file of CA certificates; empty: those of the system.
    transfer(std::string url, std::string trust, limits l);
    ~transfer();
    transfer(const transfer&) = delete;
    transfer& operator=(const transfer&) = delete;

    const std::string& url() const { return url_; }
    // Runs a request; `prepare` says what it is beyond a GET. Throws too_large, or
    // std::runtime_error that says what went wrong.
    answer run(const std::function<void(CURL*)>& prepare);
    // From then on run() ends at once. From any thread.
    void cancel();

    template <class T>
    static void set(CURL* easy, CURLoption option, T value) {
        check(curl_easy_setopt(easy, option, value));
    }

private:
    static void check(CURLcode code);
    CURLcode perform(CURL* easy);

    const std::string url_, trust_;
    const limits limits_;
    CURLM* multi_;
    std::atomic<bool> cancelled_{false};
};

}  // namespace weft
