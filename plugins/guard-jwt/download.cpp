#include "download.hpp"

#include "limits.hpp"

#include <weft/freed_by.hpp>

#include <memory>
#include <stdexcept>

namespace weft::guard_jwt {
namespace {

using easy_ptr = std::unique_ptr<CURL, freed_by<curl_easy_cleanup>>;

size_t take(char* bytes, size_t, size_t size, void* to) {
    auto& body = *static_cast<std::string*>(to);
    if (body.size() + size > limits::key_set_bytes_max) return 0;  // fails the transfer
    body.append(bytes, size);
    return size;
}

void check(CURLcode code) {
    if (code != CURLE_OK) throw std::runtime_error(curl_easy_strerror(code));
}

}  // namespace

downloader::downloader(std::string url, std::string trust)
    : url_(std::move(url)), trust_(std::move(trust)), multi_(curl_multi_init()) {
    if (!multi_) throw std::runtime_error("libcurl refused to start");
}

downloader::~downloader() {
    curl_multi_cleanup(multi_);
}

void downloader::cancel() {
    cancelled_ = true;
    curl_multi_wakeup(multi_);
}

std::string downloader::get() {
    const easy_ptr easy(curl_easy_init());
    if (!easy) throw std::runtime_error("libcurl refused to start");
    std::string body;
    char said[CURL_ERROR_SIZE] = {};
    const auto set = [&](CURLoption option, auto value) {
        check(curl_easy_setopt(easy.get(), option, value));
    };
    // What is asked for with TLS stays with it.
    const char* protocols = url_.starts_with("https:") ? "https" : "http,https";
    set(CURLOPT_URL, url_.c_str());
    set(CURLOPT_PROTOCOLS_STR, protocols);
    set(CURLOPT_REDIR_PROTOCOLS_STR, protocols);
    set(CURLOPT_FOLLOWLOCATION, 1L);
    set(CURLOPT_MAXREDIRS, limits::redirects_max);
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(limits::connect_ms));
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(limits::download_ms));
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_FAILONERROR, 1L);
    set(CURLOPT_ERRORBUFFER, said);
    set(CURLOPT_WRITEFUNCTION, &take);
    set(CURLOPT_WRITEDATA, &body);
    if (!trust_.empty()) set(CURLOPT_CAINFO, trust_.c_str());

    curl_multi_add_handle(multi_, easy.get());
    int running = 1;
    CURLMcode code = CURLM_OK;
    while (running && !cancelled_ && code == CURLM_OK) {
        code = curl_multi_perform(multi_, &running);
        if (running && code == CURLM_OK) code = curl_multi_poll(multi_, nullptr, 0, 1'000, nullptr);
    }
    CURLcode result = CURLE_ABORTED_BY_CALLBACK;
    int left = 0;
    while (const CURLMsg* m = curl_multi_info_read(multi_, &left))
        if (m->msg == CURLMSG_DONE) result = m->data.result;
    curl_multi_remove_handle(multi_, easy.get());
    if (result == CURLE_WRITE_ERROR) throw std::runtime_error("it is larger than 1 MiB");
    if (result != CURLE_OK) throw std::runtime_error(*said ? said : curl_easy_strerror(result));
    return body;
}

}  // namespace weft::guard_jwt
