// Speaks lines. "key": the key that its vault holds for the alias in its options. "verify TEXT":
// who that is, by the guard in its options; "who": who it was.
#include <weft/guard.hpp>
#include <weft/vault.hpp>

#include <cstring>
#include <mutex>
#include <new>
#include <optional>

namespace {

constexpr uint32_t window = 64 * 1024;
constexpr const char* keeper_schema = R"({"kinds": {"server": {
    "options": {"type": "object",
                "properties": {"alias": {"type": "string"}, "guard": {"type": "string"}},
                "additionalProperties": false},
    "vault": true, "exit": "forbidden"}}})";

class keeper_binding;

class speaker final : public weft::endpoint {
public:
    speaker(weft::worker w, keeper_binding& of, weft::stream s) : here_(w), of_(of), s_(s) {}
    void on_data(weft::stream s, const weft_data& d) override;
    void on_end(weft::stream s, const weft_frame&) override { s.end(); }
    void on_abort(weft::stream s, const weft_frame&) override { s.abort(); }
    void on_reset(weft::stream s, const weft_frame&) override { s.reset(); }
    void on_closed(weft::stream) override {
        closed_ = true;
        if (!asking_) delete this;
    }

private:
    void say(const std::string& line) {
        uint8_t* bytes = nullptr;
        const auto out = here_.alloc(static_cast<uint32_t>(line.size() + 1), bytes);
        if (!bytes) throw std::bad_alloc();
        std::memcpy(bytes, (line + "\n").data(), line.size() + 1);
        s_.data(out.slice());
    }
    void verify(std::string_view text);
    std::string who() const {
        const auto* s = weft::session_of(here_, auth_.id());
        if (!s) return "nobody";
        weft::binding_config c;
        c.ns = "test";
        const bool friendly = weft::guarded_rule(c, {{"g", {"friend"}}}).admits(here_, auth_.id());
        return std::string(s->identity) + " " + std::string(weft::attribute_of(*s, "length")) +
               (friendly ? " friend" : " stranger");
    }

    weft::worker here_;
    keeper_binding& of_;
    weft::stream s_;
    weft::auth_ref auth_;
    bool asking_ = false, closed_ = false;
};

class keeper_instance final : public weft::instance {
public:
    keeper_instance(weft::worker w, keeper_binding& of) : here_(w), of_(of) {}
    weft::endpoint* accept(weft::stream s, const weft_begin&) override {
        s.begin();
        s.window(window);
        return new speaker(here_, of_, s);
    }

private:
    weft::worker here_;
    keeper_binding& of_;
};

class keeper_binding final : public weft::binding {
public:
    explicit keeper_binding(weft::binding_config c) : config_(std::move(c)) {
        if (config_.vault.empty()) return;
        vault_.emplace(config_.vault);
        read();
        vault_->on_renew([this] { read(); });
    }
    std::unique_ptr<weft::instance> attach(weft::worker w) override {
        return std::make_unique<keeper_instance>(w, *this);
    }
    std::string key() {
        const std::lock_guard lock(mutex_);
        return key_;
    }
    std::string guard() const { return config_.qualified(config_.options.at("guard")); }

private:
    void read() {
        const std::string alias = config_.options.at("alias");
        const auto found = vault_->find(WEFT_VAULT_KEY, alias);
        if (found.empty())
            throw weft::config_error("/options/alias", "no key '" + alias + "' in the vault");
        const std::lock_guard lock(mutex_);
        key_ = found.front().key;
    }

    weft::binding_config config_;
    std::optional<weft::vault_ref> vault_;
    std::mutex mutex_;
    std::string key_;
};

void speaker::on_data(weft::stream s, const weft_data& d) {
    for (const auto& slice : weft::slices(d)) {
        auto line = weft::text_of(slice);
        if (line.ends_with('\n')) line.remove_suffix(1);
        if (line == "key") say(of_.key());
        if (line == "who") say(who());
        if (line.starts_with("verify ")) verify(line.substr(7));
    }
    s.window(window);
}

void speaker::verify(std::string_view text) {
    weft_guard_request q{};
    q.size = sizeof q;
    q.auth = auth_.id();
    q.context = 1;
    q.credentials = {nullptr, reinterpret_cast<const uint8_t*>(text.data()),
                     static_cast<uint32_t>(text.size()), 0};
    asking_ = true;
    weft::verify(here_, of_.guard(), q, [this](weft::auth_ref who_it_is, std::string_view why) {
        asking_ = false;
        if (closed_) return delete this;
        if (!who_it_is.id()) return say("refused: " + std::string(why));
        const bool same = who_it_is.id() == auth_.id();
        auth_ = std::move(who_it_is);
        say((same ? "still " : "now ") + who());
    });
}

struct keeper_plugin {
    static constexpr const char* type = "keeper";
    static constexpr const char* version = "1.0.0";
    static constexpr uint32_t kinds = WEFT_SERVER;
    static constexpr const char* schema = keeper_schema;
    static constexpr const char* accepts[] = {nullptr};
    static constexpr const char* emits[] = {nullptr};
    std::unique_ptr<weft::binding> create(weft::binding_config c) {
        return std::make_unique<keeper_binding>(std::move(c));
    }
};

}  // namespace

WEFT_PLUGIN(keeper_plugin)
