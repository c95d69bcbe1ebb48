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

using text_handle = std::unique_ptr<char, freed_by<curl_free>>;

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

token_endpoint::token_endpoint(token_endpoint_config c)
    : config_(std::move(c)),
      transfer_(
          config_.url, config_.trust,
          {limits::token_connect_ms, limits::token_request_ms, limits::token_answer_bytes_max}) {}

bearer_token token_endpoint::get() {
    const std::string from = "token endpoint " + config_.url + ": ";
    try {
        const auto answer = transfer_.run([&](CURL* c) {
            std::string form = "grant_type=client_credentials";
            if (!config_.scope.empty()) {
                const text_handle scope(curl_easy_escape(c, config_.scope.data(),
                                                         static_cast<int>(config_.scope.size())));
                if (!scope) throw std::runtime_error("the scope cannot be encoded");
                form += std::string("&scope=") + scope.get();
            }
            // A redirection would carry the secret to somebody else.
            transfer::set(c, CURLOPT_FOLLOWLOCATION, 0L);
            transfer::set(c, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
            transfer::set(c, CURLOPT_USERNAME, config_.client_id.c_str());
            transfer::set(c, CURLOPT_PASSWORD, config_.client_secret.c_str());
            transfer::set(c, CURLOPT_COPYPOSTFIELDS, form.c_str());
        });
        return read_token_answer(answer.status, answer.body, wall_clock_ms());
    } catch (const transfer::too_large&) {
        throw std::runtime_error(from + "its answer is larger than " +
                                 std::to_string(limits::token_answer_bytes_max) + " bytes");
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
