// probe: the plugin file and one of its bindings, as a rule sees them.
#pragma once

#include <weft/testing.hpp>

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace weft::validator {

struct options {
    std::string file;
    uint64_t seed = 0;
    nlohmann::json configs;  // given by the user: a list of binding configurations
    std::string data;        // what openers send; random bytes when empty
    bool data_given = false;
    unsigned timeout_s = 30;
};

// A binding type and kind, or the exporter.
struct target {
    std::string type, kind;
    bool exporter = false;
    nlohmann::json config;  // what create gets, before the kit completes it
    std::string no_config;  // why there is none
    std::vector<std::string> accepts, emits;
    std::string label() const { return exporter ? "exporter " + type : type + " " + kind; }
};

class probe {
public:
    probe(const options& o, const target& t, const std::string& rule);

    const std::string& file() const { return options_.file; }
    const target& on() const { return target_; }
    const std::string& data() const { return data_; }  // that openers send
    uint64_t seed() const { return options_.seed; }
    std::mt19937_64& random() { return random_; }
    // A rule that repeats itself may stop: a third of its time is over.
    bool long_enough() const;

    // A host as this rule wants it, with exits that answer like a patient neighbour: they accept,
    // read what comes, end when they are ended or drained.
    std::unique_ptr<testing::host> make_host(testing::host_options o = {}) const;
    // Loads the file and runs the binding; skips the rule when there is no configuration.
    testing::subject& run(testing::host& h) const;
    // As run, for a rule that gives the plugin reason to refuse: null when it did so in good form.
    testing::subject* try_run(testing::host& h) const;
    std::string config() const;

    // Metadata for BEGIN, each kind that the binding accepts: null first when any is.
    std::vector<std::vector<uint64_t>> begins() const;

private:
    const options& options_;
    const target& target_;
    std::string data_;
    std::mt19937_64 random_;
    std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

// Clients of the sockets that a binding listens on: each connects and sends the data. They hang up
// at the end.
class callers {
public:
    callers(testing::host& h, const std::string& data);
    ~callers() { close_all(); }
    callers(const callers&) = delete;
    callers& operator=(const callers&) = delete;
    void hang_up();  // and lets the binding see it

private:
    void close_all();
    testing::host* host_;
    std::vector<int> fds_;
};

// A neighbour's manners: reads everything, ends what is ended, honours DRAIN.
void behave(testing::peer& p);
// Lets an hour of virtual time pass in steps, so that every timeout comes.
void let_time_pass(testing::host& h, const testing::subject& b);
// Sends as much of `bytes` as there is credit for; what is left.
std::string_view send_some(testing::peer& p, std::string_view bytes, size_t at_most = SIZE_MAX);

const weft_meta* block(const std::vector<uint64_t>& words);

}  // namespace weft::validator
