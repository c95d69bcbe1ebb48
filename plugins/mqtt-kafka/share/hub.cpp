#include "share/hub.hpp"

#include <algorithm>
#include <mutex>
#include <new>
#include <utility>

namespace weft::mqtt_kafka {

letter_ptr make_letter(letter_kind what, const weft_meta* body, size_t payload_size) {
    const size_t body_size = body ? body->size : 0;
    void* bytes = std::malloc(sizeof(letter) + body_size + payload_size);
    if (!bytes) throw std::bad_alloc();
    auto* l = new (bytes) letter{};
    l->what = what;
    l->body_size = static_cast<uint32_t>(body_size);
    l->payload_size = static_cast<uint32_t>(payload_size);
    if (body) std::memcpy(static_cast<uint8_t*>(bytes) + sizeof(letter), body, body_size);
    return letter_ptr(l);
}

share_table::~share_table() {
    for (const group& g : groups) std::free(g.name);
    std::free(groups.items);
    std::free(routes.items);
}

share_hub::share_hub(const std::string& binding)
    : table_(shared_ref<share_table>::acquire(share_table::name + binding, share_table::version)) {
    const std::lock_guard lock(table_->mutex);
    generation_ = ++table_->generations;
}

void share_hub::open(share_box& b, worker w, void (*wake)(void*), void* ctx) {
    const std::lock_guard lock(table_->mutex);
    b.worker = w.handle();
    b.wake = wake;
    b.ctx = ctx;
    b.worker_index = w.index();
    b.generation = generation_;
    b.number = ++table_->last_box;
    b.next = std::exchange(table_->first_box, &b);
}

void share_hub::close(share_box& b) {
    share_table& t = *table_;
    const std::lock_guard lock(t.mutex);
    share_box** link = &t.first_box;
    while (*link != &b) link = &(*link)->next;
    *link = b.next;
    for (uint64_t i = t.groups.count; i-- > 0;) {
        if (t.groups.items[i].box != &b) continue;
        std::free(t.groups.items[i].name);
        t.groups.remove(t.groups.items + i);
    }
    for (uint64_t i = t.routes.count; i-- > 0;)
        if (t.routes.items[i].box == &b) t.routes.remove(t.routes.items + i);
    while (letter* l = b.first) {
        b.first = l->next;
        std::free(l);
    }
    b.last = nullptr;
}

bool share_hub::leave(share_box& b) {
    const std::lock_guard lock(table_->mutex);
    b.leaving = 1;
    return newest(b) != nullptr;
}

letter_ptr share_hub::take(share_box& b) {
    const std::lock_guard lock(table_->mutex);
    letter* l = b.first;
    if (!l) return {};
    b.first = l->next;
    if (!b.first) b.last = nullptr;
    l->next = nullptr;
    return letter_ptr(l);
}

// The post is under the lock: the instance cannot go meanwhile.
void share_hub::put(share_box& b, letter_ptr l) {
    letter* raw = l.release();
    const bool asleep = !b.first;
    (asleep ? b.first : b.last->next) = raw;
    b.last = raw;
    if (asleep) services.reactor->post(b.worker, b.wake, b.ctx);
}

share_table::group* share_hub::find(std::string_view name) const {
    const uint64_t hash = fnv1a_64(name);
    const auto at = std::find_if(
        table_->groups.begin(), table_->groups.end(), [&](const share_table::group& g) {
            return g.hash == hash && std::string_view(g.name, g.name_size) == name;
        });
    return at == table_->groups.end() ? nullptr : at;
}

share_table::route* share_hub::find(uint32_t share) const {
    auto* at = std::lower_bound(table_->routes.begin(), table_->routes.end(), share,
                                [](const auto& r, uint32_t number) { return r.share < number; });
    return at == table_->routes.end() || at->share != share ? nullptr : at;
}

// The instance of the newest generation on the same worker.
share_box* share_hub::newest(const share_box& than) const {
    share_box* found = nullptr;
    for (share_box* b = table_->first_box; b; b = b->next)
        if (b->worker_index == than.worker_index && !b->leaving &&
            b->generation > (found ? found->generation : than.generation))
            found = b;
    return found;
}

// All workers of a generation are here before its first client is.
share_box* share_hub::pick(const share_box& from, uint64_t hash) const {
    const share_box* newer = from.leaving ? newest(from) : nullptr;
    const uint64_t generation = newer ? newer->generation : from.generation;
    std::vector<share_box*> all;
    for (share_box* b = table_->first_box; b; b = b->next)
        if (b->generation == generation) all.push_back(b);
    std::sort(all.begin(), all.end(),
              [](const auto* a, const auto* b) { return a->worker_index < b->worker_index; });
    return all.at(hash % all.size());
}

void share_hub::name_group(std::string_view name, share_box& b) {
    auto* copy = static_cast<char*>(std::malloc(name.size() + 1));
    if (!copy) throw std::bad_alloc();
    std::memcpy(copy, name.data(), name.size());
    table_->groups.add({copy, name.size(), fnv1a_64(name), &b});
}

void share_hub::to_group(const share_box& from, std::string_view name, letter_ptr l, bool make) {
    const std::lock_guard lock(table_->mutex);
    const auto* g = find(name);
    if (g) return put(*g->box, std::move(l));
    if (!make) return;
    share_box* to = pick(from, fnv1a_64(name));
    name_group(name, *to);
    put(*to, std::move(l));
}

void share_hub::to_share(uint32_t share, letter_ptr l) {
    const std::lock_guard lock(table_->mutex);
    if (const auto* r = find(share)) put(*r->box, std::move(l));
}

void share_hub::to_member(const member_id& m, letter_ptr l) {
    const std::lock_guard lock(table_->mutex);
    for (share_box* b = table_->first_box; b; b = b->next)
        if (b->number == m.box) return put(*b, std::move(l));
}

bool share_hub::claim(share_box& b, std::string_view name) {
    const std::lock_guard lock(table_->mutex);
    if (const auto* g = find(name)) return g->box == &b;
    if (b.leaving && newest(b)) return false;
    name_group(name, b);
    return true;
}

void share_hub::release(const share_box& b, std::string_view name) {
    const std::lock_guard lock(table_->mutex);
    auto* g = find(name);
    if (!g || g->box != &b) return;
    std::free(g->name);
    table_->groups.remove(g);
}

uint32_t share_hub::add_share(share_box& b) {
    const std::lock_guard lock(table_->mutex);
    const uint32_t number = ++table_->last_share;
    table_->routes.add({number, &b});
    return number;
}

void share_hub::remove_share(const share_box& b, uint32_t share) {
    const std::lock_guard lock(table_->mutex);
    if (auto* r = find(share); r && r->box == &b) table_->routes.remove(r);
}

bool share_hub::hand_over(const share_box& b, std::string_view name,
                          std::span<const uint32_t> shares, std::vector<letter_ptr>& letters) {
    const std::lock_guard lock(table_->mutex);
    share_box* to = newest(b);
    auto* g = find(name);
    if (!to || !g) return false;
    g->box = to;
    for (const uint32_t number : shares)
        if (auto* r = find(number)) r->box = to;
    for (auto& l : letters) put(*to, std::move(l));
    return true;
}

}  // namespace weft::mqtt_kafka
