#include "probe.hpp"

#include "rule.hpp"

#include <weft/meta.hpp>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <thread>

namespace weft::validator {
namespace {

using namespace std::chrono_literals;

// As the runtime's; longer on a machine that is busy with others, where whom a call waits for waits
// itself.
std::chrono::nanoseconds call_limit() {
    constexpr auto limit = 100ms, limit_max = 2'500ms;
    double load = 0;
    if (::getloadavg(&load, 1) != 1) return limit;
    const double cores = std::max(1u, std::thread::hardware_concurrency());
    const auto scaled =
        std::chrono::duration_cast<std::chrono::milliseconds>(limit * std::max(1.0, load / cores));
    return std::min<std::chrono::milliseconds>(scaled, limit_max);
}
constexpr uint32_t neighbour_window = 64 * 1024;
constexpr size_t random_bytes = 48;

std::vector<uint64_t> copy_of(const weft_meta* m) {
    std::vector<uint64_t> words(m->size / 8);
    std::memcpy(words.data(), m, m->size);
    return words;
}

// The shortest block of a type: all fields absent, which every reader takes for zero.
std::vector<uint64_t> empty_block(const std::string& name) {
    const weft_meta m{sizeof m, meta_type(name), sizeof m, 0};
    return copy_of(&m);
}

// Blocks with plausible fields, for the types that the SDK describes.
std::vector<std::vector<uint64_t>> plausible_blocks(const std::string& name) {
    std::vector<std::vector<uint64_t>> out;
    if (name == WEFT_META_TCP_BEGIN_NAME) {
        meta_writer<weft_tcp_begin> m;
        m->local_host = m.text("127.0.0.1");
        m->remote_host = m.text("127.0.0.1");
        m->local_port = 1883;
        m->remote_port = 9;  // discard: nobody listens, and nobody minds
        out.push_back(copy_of(m.get()));
    } else if (name == WEFT_META_MQTT_BEGIN_NAME) {
        meta_writer<weft_mqtt_begin> m;
        m->version = WEFT_MQTT_V5;
        m->flags = WEFT_MQTT_CLEAN_START;
        m->receive_max = 10;
        m->client_id = m.text("validator");
        out.push_back(copy_of(m.get()));
    } else if (name == WEFT_META_KAFKA_BEGIN_NAME) {
        for (const uint8_t role : {WEFT_KAFKA_PRODUCE, WEFT_KAFKA_TAIL, WEFT_KAFKA_HISTORY,
                                   WEFT_KAFKA_FETCH, WEFT_KAFKA_META}) {
            meta_writer<weft_kafka_begin> m;
            m->role = role;
            m->topic = m.text("validator");
            out.push_back(copy_of(m.get()));
        }
    }
    return out;
}

// Lets the binding see what its descriptors have; one that is always writable is seen often.
void look(testing::host& h) {
    constexpr int looks_max = 50;
    for (int i = 0; i < looks_max && h.poll_once(0); ++i) {
    }
}

}  // namespace

const weft_meta* block(const std::vector<uint64_t>& words) {
    return words.empty() ? nullptr : reinterpret_cast<const weft_meta*>(words.data());
}

probe::probe(const options& o, const target& t, const std::string& rule)
    : options_(o), target_(t), data_(o.data) {
    // Each rule and target has a sequence of its own, whichever others run.
    std::seed_seq seq{static_cast<uint32_t>(o.seed), static_cast<uint32_t>(o.seed >> 32),
                      meta_type(rule + t.label())};
    random_.seed(seq);
    if (!o.data_given)
        for (size_t i = 0; i < random_bytes; ++i) data_ += static_cast<char>(random_() & 0xff);
}

std::string probe::config() const {
    if (!target_.no_config.empty()) throw skipped(target_.no_config);
    return target_.config.dump();
}

std::unique_ptr<testing::host> probe::make_host(testing::host_options o) const {
    if (o.tasks == testing::task_mode::at_turn_end) o.tasks = testing::task_mode::on_threads;
    auto h = std::make_unique<testing::host>(std::move(o));
    h->calls_may_take(call_limit());
    h->on_open = [](testing::peer& p) {
        p.begin();
        p.keep_window(neighbour_window);
        behave(p);
    };
    return h;
}

testing::subject& probe::run(testing::host& h) const {
    const std::string c = config();
    return h.run(h.load(file()), c, target_.type);
}

testing::subject* probe::try_run(testing::host& h) const {
    const std::string c = config();
    try {
        return &h.run(h.load(file()), c, target_.type);
    } catch (const testing::refused& r) {
        if (r.code() >= 0)
            throw failure(r.step() +
                          " fails with a code that is not negative: " + std::to_string(r.code()));
        if (r.text().empty()) throw failure(r.step() + " fails without a text for the user");
        return nullptr;
    }
}

std::vector<std::vector<uint64_t>> probe::begins() const {
    std::vector<std::vector<uint64_t>> out;
    if (target_.accepts.empty()) out.emplace_back();
    for (const auto& name : target_.accepts) {
        out.push_back(empty_block(name));
        for (auto& b : plausible_blocks(name)) out.push_back(std::move(b));
    }
    if (!target_.accepts.empty()) out.emplace_back();
    return out;
}

bool probe::long_enough() const {
    return std::chrono::steady_clock::now() - began_ > std::chrono::seconds(options_.timeout_s) / 3;
}

callers::callers(testing::host& h, const std::string& data) : host_(&h) {
    for (const uint16_t port : h.listening_ports()) {
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (fd < 0 || ::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) {
            if (fd >= 0) ::close(fd);
            throw failure("a socket that it leased cannot be connected to");
        }
        fds_.push_back(fd);
        look(h);
        // Few bytes, which an open socket takes; one that the binding has closed meanwhile is fine.
        if (::send(fd, data.data(), data.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
            errno != EPIPE && errno != ECONNRESET)
            throw skipped("this machine refuses a write to a local socket");
        look(h);
    }
}

void callers::hang_up() {
    close_all();
    look(*host_);
}

void callers::close_all() {
    for (const int fd : fds_) ::close(fd);
    fds_.clear();
}

void behave(testing::peer& p) {
    p.on_frame = [](testing::peer& self, const testing::frame& f) {
        const bool over = f.kind == WEFT_END || f.kind == WEFT_ABORT || f.kind == WEFT_RESET ||
                          f.kind == WEFT_DRAIN;
        if (over && self.may_send()) self.end();
        if (f.kind == WEFT_ABORT || f.kind == WEFT_RESET) self.reset();
    };
}

void let_time_pass(testing::host& h, const testing::subject& b) {
    h.wait_for([&] { return b.tasks() == 0; });
    for (const auto step : {1ms, 10ms, 100ms, 1'000ms, 10'000ms, 60'000ms, 600'000ms, 3'000'000ms})
        h.advance(step), look(h);
    h.wait_for([&] { return b.tasks() == 0; });
}

std::string_view send_some(testing::peer& p, std::string_view bytes, size_t at_most) {
    if (!p.may_send() || p.credit() <= p.padding()) return bytes;
    const size_t n =
        std::min({bytes.size(), at_most, static_cast<size_t>(p.credit() - p.padding())});
    if (n == 0) return bytes;
    p.send(bytes.substr(0, n));
    return bytes.substr(n);
}

}  // namespace weft::validator
