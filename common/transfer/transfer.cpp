#include "transfer/transfer.hpp"

#include <weft/freed_by.hpp>

#include <memory>
#include <utility>

namespace weft {

namespace {

using easy_ptr = std::unique_ptr<CURL, freed_by<curl_easy_cleanup>>;

struct body {
    std::string text;
    size_t bytes_max;
};

size_t take(char* bytes, size_t, size_t size, void* to) {
    auto& b = *static_cast<body*>(to);
    if (b.text.size() + size > b.bytes_max) return 0;  // fails the transfer
    b.text.append(bytes, size);
    return size;
}

}  // namespace

libcurl::libcurl() {
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        throw std::runtime_error("libcurl refused to start");
}

libcurl::~libcurl() {
    curl_global_cleanup();
}

transfer::transfer(std::string url, std::string trust, limits l)
    : url_(std::move(url)), trust_(std::move(trust)), limits_(l), multi_(curl_multi_init()) {
    if (!multi_) throw std::runtime_error("libcurl refused to start");
}

transfer::~transfer() {
    curl_multi_cleanup(multi_);
}

void transfer::check(CURLcode code) {
    if (code != CURLE_OK) throw std::runtime_error(curl_easy_strerror(code));
}

void transfer::cancel() {
    cancelled_ = true;
    curl_multi_wakeup(multi_);
}

transfer::answer transfer::run(const std::function<void(CURL*)>& prepare) {
    const easy_ptr easy(curl_easy_init());
    if (!easy) throw std::runtime_error("libcurl refused to start");
    CURL* const c = easy.get();
    body b{{}, limits_.answer_bytes};
    char said[CURL_ERROR_SIZE] = {};
    // What is asked for with TLS stays with it.
    const char* protocols = url_.starts_with("https:") ? "https" : "http,https";
    set(c, CURLOPT_URL, url_.c_str());
    set(c, CURLOPT_PROTOCOLS_STR, protocols);
    set(c, CURLOPT_REDIR_PROTOCOLS_STR, protocols);
    set(c, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(limits_.connect_ms));
    set(c, CURLOPT_TIMEOUT_MS, static_cast<long>(limits_.whole_ms));
    set(c, CURLOPT_NOSIGNAL, 1L);
    set(c, CURLOPT_ERRORBUFFER, said);
    set(c, CURLOPT_WRITEFUNCTION, &take);
    set(c, CURLOPT_WRITEDATA, &b);
    if (!trust_.empty()) set(c, CURLOPT_CAINFO, trust_.c_str());
    prepare(c);

    const CURLcode result = perform(c);
    if (result == CURLE_WRITE_ERROR) throw too_large();
    if (result != CURLE_OK) throw std::runtime_error(*said ? said : curl_easy_strerror(result));
    answer out{0, std::move(b.text)};
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &out.status);
    return out;
}

CURLcode transfer::perform(CURL* easy) {
    curl_multi_add_handle(multi_, easy);
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
    curl_multi_remove_handle(multi_, easy);
    return result;
}

}  // namespace weft
