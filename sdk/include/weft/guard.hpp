// Guards, from both sides: a guard plugin in C++, and for bindings: verify, auth_ref, guarded_rule,
// guarded_text and credentials_pattern.
//
//   struct jwt_plugin {
//       static constexpr const char* type = "jwt";
//       static constexpr const char* version = "1.0.0";
//       static constexpr const char* schema = weft::schema_json;  // of `options`
//       std::unique_ptr<weft::guard> create(weft::entity_config config);  // throws config_error
//   };
//   WEFT_GUARD_PLUGIN(jwt_plugin)
#pragma once

#include <weft/entity.hpp>

#include <weft/text.hpp>

#include <algorithm>
#include <optional>

namespace weft {

// Who somebody is, as the guard found out.
struct identified {
    std::string identity, credentials;
    std::vector<std::string> roles;
    std::vector<std::pair<std::string, std::string>> attributes;
    uint64_t expires_ms = WEFT_GUARD_NEVER, challenge_ms = WEFT_GUARD_NEVER;
};

// The same as the ABI has it. Refers to `who`, and to `guard`, the name of who vouches for it.
class identified_view {
public:
    explicit identified_view(const identified& who, const char* guard = "") {
        for (const auto& r : who.roles) roles_.push_back(r.c_str());
        for (const auto& [name, value] : who.attributes) {
            attributes_.push_back(name.c_str());
            attributes_.push_back(value.c_str());
        }
        view_ = {sizeof view_,
                 0,
                 guard,
                 who.identity.c_str(),
                 who.credentials.c_str(),
                 roles_.data(),
                 attributes_.data(),
                 static_cast<uint32_t>(roles_.size()),
                 static_cast<uint32_t>(who.attributes.size()),
                 who.expires_ms,
                 who.challenge_ms};
    }
    identified_view(const identified_view&) = delete;
    identified_view& operator=(const identified_view&) = delete;
    const weft_guard_session* get() const { return &view_; }

private:
    std::vector<const char*> roles_, attributes_;
    weft_guard_session view_{};
};

// The answer that a guard owes, from any thread; one that is dropped refuses.
class guard_answer {
public:
    guard_answer(weft_guard_answer fn, void* request) : fn_(fn), request_(request) {}
    guard_answer(guard_answer&& o) noexcept
        : fn_(std::exchange(o.fn_, nullptr)), request_(o.request_) {}
    guard_answer& operator=(guard_answer&&) = delete;
    ~guard_answer() { refuse("The guard did not answer."); }

    void accept(const identified& who) {
        if (!fn_) return;
        const identified_view v(who);
        std::exchange(fn_, nullptr)(request_, v.get(), nullptr);
    }
    void refuse(const std::string& why) {
        if (fn_) std::exchange(fn_, nullptr)(request_, nullptr, why.c_str());
    }

private:
    weft_guard_answer fn_;
    void* request_;
};

// Verifies credentials, on several workers at once.
class guard : public entity {
public:
    virtual void verify(worker asker, const weft_guard_request& q, guard_answer answer) = 0;
};

namespace detail {

template <class Plugin>
struct guard_table : entity_table<Plugin, guard> {
    using base = entity_table<Plugin, guard>;
    static void verify(void* g, weft_worker* w, const weft_guard_request* q, weft_guard_answer fn,
                       void* request) {
        logged("verify", [&] { base::of(g).verify(worker{w}, *q, guard_answer(fn, request)); });
    }
    static const void* get(void*, const char* id) {
        static const weft_guard_vt table{
            sizeof table, 0,           Plugin::type, Plugin::schema, base::create, base::destroy,
            base::digest, base::files, verify};
        return std::string_view(id) == WEFT_GUARD ? &table : nullptr;
    }
};

}  // namespace detail

// One reference to a session, on its worker.
class auth_ref {
public:
    auth_ref() = default;
    auth_ref(worker w, uint64_t adopted) : worker_(w), id_(adopted) {}
    static auth_ref retain(worker w, uint64_t auth) {
        if (auth && services.guards) services.guards->retain(w.handle(), auth);
        return {w, auth};
    }
    auth_ref(auth_ref&& o) noexcept : worker_(o.worker_), id_(std::exchange(o.id_, 0)) {}
    auth_ref& operator=(auth_ref&& o) noexcept {
        std::swap(worker_, o.worker_);
        std::swap(id_, o.id_);
        return *this;
    }
    ~auth_ref() {
        if (id_ && services.guards) services.guards->release(worker_.handle(), id_);
    }
    uint64_t id() const { return id_; }

private:
    worker worker_;
    uint64_t id_ = 0;
};

// nullptr: anonymous, or no session of this worker.
inline const weft_guard_session* session_of(const worker& w, uint64_t auth) {
    return auth && services.guards ? services.guards->session(w.handle(), auth) : nullptr;
}

inline std::string_view attribute_of(const weft_guard_session& s, std::string_view name) {
    for (uint32_t i = 0; i < s.attribute_count; ++i)
        if (name == s.attributes[2 * i]) return s.attributes[2 * i + 1];
    return {};
}

// Asks a guard ("namespace:name"); done(auth_ref, refusal) is called later, once, also when the
// asker has lost interest. One allocation.
template <class F>
void verify(const worker& w, const std::string& guard_name, const weft_guard_request& q, F&& done) {
    struct asked {
        worker w;
        std::decay_t<F> done;
    };
    auto* a = new asked{w, std::forward<F>(done)};
    const auto answered = [](void* ctx, uint64_t auth, const char* refusal) noexcept {
        const std::unique_ptr<asked> mine(static_cast<asked*>(ctx));
        detail::logged("verify", [&] {
            mine->done(auth_ref(mine->w, auth), std::string_view(refusal ? refusal : ""));
        });
    };
    if (services.guards)
        services.guards->verify(w.handle(), guard_name.c_str(), &q, answered, a);
    else
        w.post([a, answered] { answered(a, 0, "This runtime has no guards."); });
}

// `guarded` of a route: all of its guards, with all of their roles. A session is of one guard, so
// rules that name two can only be met by none.
class guarded_rule {
public:
    guarded_rule() = default;
    guarded_rule(const binding_config& c, const nlohmann::json& guarded) {
        if (!guarded.is_object()) return;
        for (const auto& [name, roles] : guarded.items())
            rules_.emplace_back(c.qualified(name), roles.get<std::vector<std::string>>());
    }
    bool empty() const { return rules_.empty(); }
    bool admits(const worker& w, uint64_t auth) const {
        return rules_.empty() || admits(session_of(w, auth));
    }
    bool admits(const weft_guard_session* s) const {
        return std::all_of(rules_.begin(), rules_.end(), [&](const auto& rule) {
            return s && rule.first == s->guard &&
                   std::all_of(rule.second.begin(), rule.second.end(), [&](const auto& role) {
                       return std::any_of(s->roles, s->roles + s->role_count,
                                          [&](const char* has) { return role == has; });
                   });
        });
    }

private:
    std::vector<std::pair<std::string, std::vector<std::string>>> rules_;
};

// Text with ${guarded['g'].identity} and ${guarded['g'].attributes.name} in it, as the
// configuration has them.
class guarded_text {
public:
    guarded_text() = default;
    // Throws std::invalid_argument that says what is wrong with an expression.
    guarded_text(const binding_config& c, std::string_view text) {
        static constexpr std::string_view opening = "${";
        while (!text.empty()) {
            const size_t at = std::min(text.find(opening), text.size());
            if (at > 0) pieces_.push_back({{}, {}, std::string(text.substr(0, at))});
            text.remove_prefix(at);
            if (text.empty()) break;
            const size_t end = text.find('}');
            const auto whole = text.substr(0, end == text.npos ? end : end + 1);
            pieces_.push_back(read(c, whole));
            text.remove_prefix(whole.size());
        }
    }
    // It is the same for everybody.
    bool constant() const {
        return std::all_of(pieces_.begin(), pieces_.end(),
                           [](const piece& p) { return p.guard.empty(); });
    }
    // Is `text` what this is for the session? Never when an expression has no value for it.
    bool equals(std::string_view text, const weft_guard_session* s) const {
        for (const auto& p : pieces_) {
            const auto value = p.of(s);
            if (value.empty() || !text.starts_with(value)) return false;
            text.remove_prefix(value.size());
        }
        return text.empty();
    }
    // Nothing when an expression has no value for the session.
    std::optional<std::string> of(const weft_guard_session* s) const {
        std::string out;
        for (const auto& p : pieces_) {
            const auto value = p.of(s);
            if (value.empty()) return std::nullopt;
            out += value;
        }
        return out;
    }
    // Is there an expression whose value has one of these characters in it?
    bool value_has(const char* any_of, const weft_guard_session* s) const {
        return std::any_of(pieces_.begin(), pieces_.end(), [&](const piece& p) {
            return !p.guard.empty() && p.of(s).find_first_of(any_of) != std::string_view::npos;
        });
    }

private:
    struct piece {
        std::string guard;  // qualified; empty: the text itself
        std::string attribute;
        std::string text;

        std::string_view of(const weft_guard_session* s) const {
            if (guard.empty()) return text;
            if (!s || guard != s->guard) return {};
            return attribute.empty() ? std::string_view(s->identity) : attribute_of(*s, attribute);
        }
    };
    static piece read(const binding_config& c, std::string_view whole) {
        static constexpr std::string_view begin = "${guarded['", middle = "'].",
                                          attributes = "attributes.";
        auto rest = whole;
        const size_t name_end = rest.starts_with(begin) ? rest.find(middle) : rest.npos;
        if (name_end != rest.npos && rest.ends_with('}')) {
            const auto name = rest.substr(begin.size(), name_end - begin.size());
            rest = rest.substr(name_end + middle.size());
            rest.remove_suffix(1);
            if (rest == "identity") return {c.qualified(std::string(name)), {}, {}};
            if (rest.starts_with(attributes) && rest.size() > attributes.size())
                return {c.qualified(std::string(name)),
                        std::string(rest.substr(attributes.size())),
                        {}};
        }
        throw std::invalid_argument("'" + std::string(whole) +
                                    "' is no expression (allowed: ${guarded['GUARD'].identity}, "
                                    "${guarded['GUARD'].attributes.NAME})");
    }

    std::vector<piece> pieces_;
};

// "Bearer {credentials}": how a text has the credentials in it.
class credentials_pattern {
public:
    static constexpr std::string_view place = "{credentials}";

    // Throws std::invalid_argument.
    explicit credentials_pattern(std::string_view text) {
        const size_t at = text.find(place);
        if (at == text.npos || text.find(place, at + 1) != text.npos)
            throw std::invalid_argument("'" + std::string(text) + "' needs {credentials}, once");
        before_ = text.substr(0, at);
        after_ = text.substr(at + place.size());
    }
    // Nothing when the text is another one, or has nothing in that place. The whole text counts.
    std::optional<std::string_view> of(std::string_view text, bool any_case = false) const {
        const auto same = [&](std::string_view a, std::string_view b) {
            return any_case ? equal_ignoring_case(a, b) : a == b;
        };
        if (text.size() <= before_.size() + after_.size() ||
            !same(text.substr(0, before_.size()), before_) ||
            !same(text.substr(text.size() - after_.size()), after_))
            return std::nullopt;
        return text.substr(before_.size(), text.size() - before_.size() - after_.size());
    }
    const std::string& before() const { return before_; }

private:
    std::string before_, after_;
};

}  // namespace weft

#define WEFT_GUARD_PLUGIN(P) WEFT_ENTITY_PLUGIN(P, weft::detail::guard_table<P>)
