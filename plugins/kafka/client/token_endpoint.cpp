#include "token_endpoint.hpp"

#include "limits.hpp"

#include <weft/freed_by.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <stdexcept>

namespace weft::kafka::client {

namespace {

using easy_handle = std::unique_ptr<CURL, freed_by<curl_easy_cleanup>>;
using text_handle = std::unique_ptr<char, freed_by<curl_free>>;

size_t take(char* bytes, size_t, size_t size, void* to) {
    auto& body = *static_cast<std::string*>(to);
    if (body.size() + size > limits::token_answer_bytes_max) return 0;  // fails the transfer
    body.append(bytes, size);
    return size;
}

void check(CURLcode code) {
    if (code != CURLE_OK) throw std::runtime_error(curl_easy_strerror(code));
}

uint64_t wall_clock_ms() {
    using namespace std::chrono;
    return static_cast<uint64_t>(
        duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count());
}

// What a server says, shortened and fit for one line.
std::string shown(const nlohmann::json& text) {
    if (!text.is_string()) return {};
    std::string out = text.get<std::string>().substr(0, limits::told_bytes_max);
    std::replace_if(
        out.begin(), out.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
    return out;
}

}  // namespace

libcurl::libcurl() {
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        throw std::runtime_error("libcurl refused to start");
}

libcurl::~libcurl() {
    curl_global_cleanup();
}

token_endpoint::token_endpoint(token_endpoint_config c)
    : config_(std::move(c)), multi_(curl_multi_init()) {
    if (!multi_) throw std::runtime_error("libcurl refused to start");
}

token_endpoint::~token_endpoint() {
    curl_multi_cleanup(multi_);
}

void token_endpoint::cancel() {
    cancelled_ = true;
    curl_multi_wakeup(multi_);
}

bearer_token token_endpoint::get() {
    const easy_handle easy(curl_easy_init());
    if (!easy) throw std::runtime_error("libcurl refused to start");
    std::string body, form = "grant_type=client_credentials";
    if (!config_.scope.empty()) {
        const text_handle scope(curl_easy_escape(easy.get(), config_.scope.data(),
                                                 static_cast<int>(config_.scope.size())));
        if (!scope) throw std::runtime_error("the scope cannot be encoded");
        form += std::string("&scope=") + scope.get();
    }
    char said[CURL_ERROR_SIZE] = {};
    const auto set = [&](CURLoption option, auto value) {
        check(curl_easy_setopt(easy.get(), option, value));
    };
    set(CURLOPT_URL, config_.url.c_str());
    // A redirection would carry the secret to somebody else.
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_PROTOCOLS_STR, config_.url.starts_with("https:") ? "https" : "http");
    set(CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
    set(CURLOPT_USERNAME, config_.client_id.c_str());
    set(CURLOPT_PASSWORD, config_.client_secret.c_str());
    set(CURLOPT_POSTFIELDS, form.c_str());
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(limits::token_connect_ms));
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(limits::token_request_ms));
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_ERRORBUFFER, said);
    set(CURLOPT_WRITEFUNCTION, &take);
    set(CURLOPT_WRITEDATA, &body);
    if (!config_.trust.empty()) set(CURLOPT_CAINFO, config_.trust.c_str());

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
    const std::string from = "token endpoint " + config_.url + ": ";
    if (result == CURLE_WRITE_ERROR)
        throw std::runtime_error(from + "its answer is larger than " +
                                 std::to_string(limits::token_answer_bytes_max) + " bytes");
    if (result != CURLE_OK)
        throw std::runtime_error(from + (*said ? said : curl_easy_strerror(result)));
    long status = 0;
    curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
    try {
        return read_token_answer(status, body, wall_clock_ms());
    } catch (const std::exception& e) {
        throw std::runtime_error(from + e.what());
    }
}

bearer_token read_token_answer(long status, std::string_view body, uint64_t now_ms) {
    const auto answer = nlohmann::json::parse(body, nullptr, false);
    if (status != 200) {
        std::string why = "it answers " + std::to_string(status);
        if (!answer.is_object()) throw std::runtime_error(why);
        for (const auto* key : {"error", "error_description"})
            if (const auto text = shown(answer.value(key, nlohmann::json())); !text.empty())
                why += ", " + text;
        throw std::runtime_error(why);
    }
    if (!answer.is_object()) throw std::runtime_error("its answer is no JSON object");
    const auto value = answer.find("access_token");
    if (value == answer.end() || !value->is_string())
        throw std::runtime_error("its answer has no access_token");
    auto out = read_token(value->get_ref<const std::string&>());
    // A token that tells its own end knows better.
    const auto seconds = answer.find("expires_in");
    if (out.expires_ms == bearer_token::no_end && seconds != answer.end() && seconds->is_number()) {
        const double s = *seconds;
        if (s >= 0 && s < 1e12) out.expires_ms = now_ms + static_cast<uint64_t>(s * 1'000);
    }
    return out;
}

}  // namespace weft::kafka::client
