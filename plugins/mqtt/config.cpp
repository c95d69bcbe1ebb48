#include "config.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace weft::mqtt {

namespace {

[[noreturn]] void refuse(const std::string& key, const std::string& text,
                         const std::string& wanted) {
    throw config_error("", "property " + key + ": '" + text + "' is not " + wanted);
}

// Reads a decimal number at the front of `text` and drops it.
bool take_number(std::string_view& text, double& v) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
    if (error != std::errc{} || !std::isfinite(v) || v < 0) return false;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    return true;
}

// Seconds of one unit letter, 0 for none that fits here.
double unit_of(char c, bool in_time) {
    switch (c) {
        case 'W':
            return in_time ? 0 : 7 * 86'400;
        case 'D':
            return in_time ? 0 : 86'400;
        case 'H':
            return in_time ? 3'600 : 0;
        case 'M':
            return in_time ? 60 : 0;
        case 'S':
            return in_time ? 1 : 0;
        default:
            return 0;
    }
}

// ISO 8601 behind the "P"; months and years have no fixed length and are refused.
bool iso_seconds(std::string_view rest, double& seconds) {
    bool in_time = false, any = false;
    while (!rest.empty()) {
        if (rest.front() == 'T' && !in_time) {
            in_time = true;
            rest.remove_prefix(1);
            continue;
        }
        double v = 0;
        if (!take_number(rest, v) || rest.empty()) return false;
        const double unit = unit_of(rest.front(), in_time);
        if (unit == 0) return false;
        seconds += v * unit;
        any = true;
        rest.remove_prefix(1);
    }
    return any;
}

template <class T>
void read_integer(const binding_config& c, const char* key, T& out, int64_t min, int64_t max) {
    const int64_t v = c.property(key, static_cast<int64_t>(out));
    if (v < min || v > max)
        refuse(key, std::to_string(v),
               "between " + std::to_string(min) + " and " + std::to_string(max));
    out = static_cast<T>(v);
}

void read_seconds(const binding_config& c, const char* key, uint16_t& out) {
    const std::string text = c.property(key, std::to_string(out));
    const uint64_t s = parse_duration_ms(key, text) / 1'000;
    if (s > 65'535) refuse(key, text, "at most 65535 seconds");
    out = static_cast<uint16_t>(s);
}

uint8_t read_qos(const binding_config& c, const char* key) {
    const std::string text = c.property(key, std::string("exactly_once"));
    if (text == "at_most_once" || text == "0") return 0;
    if (text == "at_least_once" || text == "1") return 1;
    if (text == "exactly_once" || text == "2") return 2;
    refuse(key, text, "at_most_once, at_least_once or exactly_once");
}

void read_properties(const binding_config& c, settings& s) {
    constexpr const char* connect_timeout = "zilla.binding.mqtt.connect.timeout";
    s.connect_timeout_ms = static_cast<uint32_t>(std::min<uint64_t>(
        parse_duration_ms(
            connect_timeout,
            c.property(connect_timeout, std::to_string(s.connect_timeout_ms / 1'000))),
        3'600'000));
    read_seconds(c, "zilla.binding.mqtt.keep.alive.minimum", s.keep_alive_s_min);
    read_seconds(c, "zilla.binding.mqtt.keep.alive.maximum", s.keep_alive_s_max);
    read_integer(c, "zilla.binding.mqtt.topic.alias.maximum", s.topic_alias_maximum, 0, 65'535);
    s.publish_qos_max = read_qos(c, "zilla.binding.mqtt.publish.qos.max");
    const std::string no_local = c.property("zilla.binding.mqtt.no.local", std::string("true"));
    if (no_local != "true" && no_local != "false")
        refuse("zilla.binding.mqtt.no.local", no_local, "true or false");
    s.no_local = no_local == "true";
    s.client_id = c.property("zilla.binding.mqtt.client.id", std::string());
    read_integer(c, "weft.binding.mqtt.receive.maximum", s.receive_maximum, 1, 65'535);
    read_integer(c, "weft.binding.mqtt.maximum.packet.size", s.packet_size_max, 128, 268'435'460);
    read_integer(c, "weft.binding.mqtt.client.id.length.maximum", s.client_id_size_max, 23, 65'535);
    read_integer(c, "weft.binding.mqtt.delivery.alias.maximum", s.delivery_alias_maximum, 0,
                 65'535);
    read_integer(c, "weft.binding.mqtt.topic.levels.maximum", s.topic_levels_max, 1, 65'536);
    read_integer(c, "weft.binding.mqtt.subscriptions.maximum", s.subscriptions_max, 1, 1'000'000);
    read_integer(c, "weft.binding.mqtt.publish.rate.maximum", s.publish_rate_max, 0, 10'000'000);
    read_integer(c, "weft.binding.mqtt.connect.rate.maximum", s.connect_rate_max, 0, 10'000'000);
    read_integer(c, "weft.binding.mqtt.connects.pending.maximum", s.handshakes_max, 1, 10'000'000);
    read_integer(c, "weft.binding.mqtt.connections.maximum", s.connections_max, 0, 100'000'000);
    if (s.keep_alive_s_min > s.keep_alive_s_max)
        throw config_error(
            "", "property zilla.binding.mqtt.keep.alive.minimum is above keep.alive.maximum");
}

void read_versions(const nlohmann::json& options, settings& s) {
    if (!options.contains("versions")) return;
    s.accept_31 = s.accept_311 = s.accept_5 = false;
    for (const auto& v : options["versions"])
        (v == "v5" ? s.accept_5 : v == "v3.1" ? s.accept_31 : s.accept_311) = true;
}

void read_authentication(const nlohmann::json& options, settings& s) {
    if (!options.contains("authentication")) return;
    const auto& given = options["authentication"];
    const auto file = given.at("file").get<std::string>();
    std::unique_ptr<authentication> a;
    try {
        a = std::make_unique<authentication>(password_file::load(file));
    } catch (const std::runtime_error& e) {
        throw config_error("/options/authentication/file", file + ": " + e.what());
    }
    a->required = given.value("required", true);
    const auto methods =
        given.value("methods", nlohmann::json::array({"password", "scram-sha-256"}));
    a->passwords = std::find(methods.begin(), methods.end(), "password") != methods.end();
    if (std::find(methods.begin(), methods.end(), "scram-sha-256") != methods.end()) a->add_scram();
    s.auth = std::move(a);
}

void read_authorization(const binding_config& c, settings& s) {
    if (!c.options.contains("authorization")) return;
    const std::string path = "/options/authorization";
    if (s.auth) throw config_error(path, "'authentication' says already who may connect");
    const auto& given = c.options["authorization"];
    const std::string name = given.begin().key();
    const auto& field = given.begin().value().at("credentials").at("connect");
    const std::string key = field.begin().key();
    try {
        s.guard = {c.qualified(name), key == "password",
                   credentials_pattern(field.begin().value().get<std::string>())};
    } catch (const std::invalid_argument& e) {
        throw config_error(path + "/" + name + "/credentials/connect/" + key, e.what());
    }
}

// Not a number in the settings but what counts: it is held by the connections' workers together.
void read_quota(const binding_config& c, settings& s) {
    uint32_t most = 0;
    read_integer(c, "weft.binding.mqtt.connections.per.identity.maximum", most, 0, 100'000'000);
    most = c.options.value("connections-per-identity", most);
    if (most != 0) s.quota = std::make_unique<identity_quota>(c.qualified_name(), most);
}

}  // namespace

uint64_t parse_duration_ms(const std::string& key, const std::string& text) {
    std::string_view rest = text;
    double seconds = 0;
    bool good = false;
    if (rest.starts_with('P')) {
        good = iso_seconds(rest.substr(1), seconds);
    } else {
        good = take_number(rest, seconds) && rest.empty();
    }
    if (!good || seconds > 1e9)
        refuse(key, text, "a duration such as PT3S, or a number of seconds");
    return static_cast<uint64_t>(std::llround(seconds * 1'000));
}

settings read_settings(const binding_config& c) {
    settings s;
    read_properties(c, s);
    read_versions(c.options, s);
    if (c.options.contains("maximum-packet-size"))
        s.packet_size_max = c.options["maximum-packet-size"];
    if (c.options.contains("receive-maximum")) s.receive_maximum = c.options["receive-maximum"];
    if (c.options.contains("topic-alias-maximum"))
        s.topic_alias_maximum = c.options["topic-alias-maximum"];
    s.response_information = c.options.value("response-information", std::string());
    read_authentication(c.options, s);
    read_authorization(c, s);
    read_quota(c, s);
    // A promise of the configuration that would not be kept, so it is an error, not a warning.
    if (c.options.contains("topics") && !c.options["topics"].empty())
        throw config_error("/options/topics",
                           "content models are not available in this version of the mqtt binding");
    s.routes = router(c.routes, c.ns);
    return s;
}

}  // namespace weft::mqtt
