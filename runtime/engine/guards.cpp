#include "engine/guards.hpp"

#include "worker/loop.hpp"

namespace weft {
namespace {

// The number of a session names its worker, so that one from elsewhere finds nothing.
constexpr uint32_t worker_shift = 48;

uint64_t own_part(const weft_worker* w) {
    return (uint64_t{w->loop->index()} + 1) << worker_shift;
}

std::string text_or_empty(const char* text) {
    return text ? text : "";
}

}  // namespace

struct guards::pending {
    guards* of;
    weft_worker* w;
    std::string name;
    std::shared_ptr<guard_runtime> guard;  // stays until it has answered
    uint64_t context, auth;
    weft_guard_done done;
    void* ctx;
    std::unique_ptr<guard_session> session;
    std::string refusal;
};

guard_session::guard_session(const std::string& of, uint64_t on, const weft_guard_session& from)
    : guard(of),
      identity(text_or_empty(from.identity)),
      credentials(text_or_empty(from.credentials)),
      context(on) {
    for (uint32_t i = 0; i < from.role_count; ++i) roles.emplace_back(from.roles[i]);
    for (uint32_t i = 0; i < 2 * from.attribute_count; ++i)
        attributes.emplace_back(text_or_empty(from.attributes[i]));
    for (const auto& r : roles) role_list.push_back(r.c_str());
    for (const auto& a : attributes) attribute_list.push_back(a.c_str());
    view = {sizeof view,           0,
            guard.c_str(),         identity.c_str(),
            credentials.c_str(),   role_list.data(),
            attribute_list.data(), from.role_count,
            from.attribute_count,  from.expires_ms,
            from.challenge_ms};
}

bool guard_session::same_rights(const guard_session& other) const {
    return guard == other.guard && context == other.context && identity == other.identity &&
           roles == other.roles && attributes == other.attributes;
}

void guards::verify(weft_worker* w, const std::string& guard, const weft_guard_request& q,
                    weft_guard_done done, void* ctx) {
    w->tasks.fetch_add(1);
    auto p = std::make_unique<pending>();
    *p = {this, w, guard, nullptr, q.context, q.auth, done, ctx, nullptr, {}};
    {
        const std::lock_guard lock(mutex_);
        if (const auto it = current_.find(guard); it != current_.end()) p->guard = it->second;
    }
    auto* const request = p.release();
    if (!request->guard) return answered(request, nullptr, "The guard is not configured any more.");
    const auto served_by = request->guard;  // the request may be over when verify returns
    served_by->vt->verify(served_by->object, w, &q, &guards::answered, request);
}

// On any thread.
void guards::answered(void* request, const weft_guard_session* session, const char* refusal) {
    auto* p = static_cast<pending*>(request);
    if (session)
        p->session = std::make_unique<guard_session>(p->name, p->context, *session);
    else
        p->refusal = refusal && *refusal ? refusal : "Refused.";
    p->w->loop->run_on([p] {
        const std::unique_ptr<pending> mine(p);
        auto* w = p->w;
        p->of->finish(*p);
        w->tasks.fetch_sub(1);
        w->loop->look_at_rest(w);
    });
}

void guards::finish(pending& p) {
    const uint64_t auth = p.session ? keep(p, std::move(p.session)) : 0;
    const char* why = auth ? nullptr : p.refusal.c_str();
    p.w->loop->enter(p.w, [&] { p.done(p.ctx, auth, why); });
}

uint64_t guards::keep(const pending& p, std::unique_ptr<guard_session> s) {
    auto& t = workers_[p.w->loop->index()];
    if (const auto before = t.sessions.find(p.auth);
        before != t.sessions.end() && before->second->same_rights(*s)) {
        s->references = before->second->references + 1;
        before->second = std::move(s);
        return p.auth;
    }
    const uint64_t auth = own_part(p.w) | ++t.last;
    t.sessions.emplace(auth, std::move(s));
    return auth;
}

guard_session* guards::find(const weft_worker* w, uint64_t auth) const {
    const auto& t = workers_[w->loop->index()];
    const auto it = t.sessions.find(auth);
    return it == t.sessions.end() ? nullptr : it->second.get();
}

void guards::retain(const weft_worker* w, uint64_t auth) {
    if (auto* s = find(w, auth)) ++s->references;
}

void guards::release(const weft_worker* w, uint64_t auth) {
    auto* s = find(w, auth);
    if (s && --s->references == 0) workers_[w->loop->index()].sessions.erase(auth);
}

const weft_guard_session* guards::session(const weft_worker* w, uint64_t auth) const {
    const auto* s = find(w, auth);
    return s ? &s->view : nullptr;
}

void guards::exchange(guard_map next) {
    guard_map before;
    {
        const std::lock_guard lock(mutex_);
        before = std::exchange(current_, std::move(next));
    }
    retired_.add(std::move(before));
    retired_.sweep();
}

guard_map guards::current() const {
    const std::lock_guard lock(mutex_);
    return current_;
}

}  // namespace weft
