#include "share/shares.hpp"

#include "mapping/levels.hpp"
#include "proxy.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace weft::mqtt_kafka {

// MQTT 5, 4.8.2: the name has at least one character, and no '/', '+' or '#'.
shared_filter split_shared(std::string_view pattern) {
    constexpr std::string_view prefix = "$share/";
    if (!pattern.starts_with(prefix)) return {};
    pattern.remove_prefix(prefix.size());
    const size_t slash = pattern.find('/');
    if (slash == 0 || slash == std::string_view::npos) return {};
    const shared_filter f{pattern.substr(0, slash), pattern.substr(slash + 1)};
    if (f.name.find_first_of("+#") != std::string_view::npos || !valid_topic_filter(f.filter))
        return {};
    return f;
}

shares::shares(proxy& p, share_hub& hub) : proxy_(p), hub_(hub) {
    hub_.open(box_, p.here, call<&shares::take_letters>, this);
}

shares::~shares() {
    close();
    hub_.close(box_);
}

void shares::close() {
    groups_.clear();
}

share* shares::here(uint32_t share) const {
    const auto at = shares_.find(share);
    return at == shares_.end() ? nullptr : at->second;
}

void shares::remove(const share& s) {
    shares_.erase(s.number());
    hub_.remove_share(box_, s.number());
}

letter_ptr shares::from_member(letter_kind what, uint32_t member, uint32_t share,
                               const weft_meta* body) const {
    auto l = make_letter(what, body);
    l->member = {box_.number, member};
    l->share = share;
    return l;
}

uint32_t shares::ask(subscriber& who, const shared_filter& f, const std::vector<topic_use>& topics,
                     bool resumes) {
    const uint32_t member = ++last_member_;
    members_[member] = &who;
    meta_writer<share_text> t;
    t->name = t.text(f.name);
    t->filter = t.text(f.filter);
    t->topics = t.list<share_topic>(topics.size());
    for (size_t i = 0; i < topics.size(); ++i) {
        const weft_ref name = t.text(topics[i]->name());
        t.item<share_topic>(t->topics, i) = {topics[i]->exit(), name, topics[i]->dynamic(), 0};
    }
    t->resumes = resumes;
    hub_.to_group(box_, f.name, from_member(letter_kind::join, member, 0, t.get()), true);
    return member;
}

void shares::leave(uint32_t member, uint32_t share, std::string_view name) {
    members_.erase(member);
    if (share != 0) return hub_.to_share(share, from_member(letter_kind::leave, member, share));
    meta_writer<share_text> t;
    t->name = t.text(name);
    hub_.to_group(box_, name, from_member(letter_kind::leave, member, 0, t.get()), false);
}

// Called for each acknowledgement: without letters where the share is here.
void shares::give_back(uint32_t member, uint32_t share, uint64_t cookie, bool done) {
    const member_id id{box_.number, member};
    if (class share* s = here(share)) {
        if (done)
            s->done(cookie);
        else
            s->refused(id, 0, cookie);
        if (s->idle()) look_soon();
        return;
    }
    auto l = from_member(done ? letter_kind::done : letter_kind::refused, member, share);
    l->cookie = cookie;
    hub_.to_share(share, std::move(l));
}

void shares::tell_room(uint32_t member, uint32_t share, uint32_t turn) {
    if (class share* s = here(share)) return s->room({box_.number, member}, turn);
    auto l = from_member(letter_kind::room, member, share);
    l->turn = turn;
    hub_.to_share(share, std::move(l));
}

shares::taken shares::offer(uint32_t member, uint32_t turn, uint32_t lane,
                            const weft_kafka_record& record, delivery& d, uint64_t cookie) {
    const auto at = members_.find(member);
    if (at == members_.end()) return taken::no;
    return at->second->on_shared(member, turn, d, lane, record, cookie);
}

letter_ptr shares::copy(const weft_data& data) {
    auto l = make_letter(letter_kind::record, data.h.meta, payload_size(data));
    l->trace = data.h.trace_id;
    uint8_t* to = l->payload();
    for (const auto& s : slices(data)) {
        const auto bytes = text_of(s);
        std::memcpy(to, bytes.data(), bytes.size());
        to += bytes.size();
    }
    return l;
}

void shares::take_letters() {
    while (letter_ptr l = hub_.take(box_)) on_letter(std::move(l));
}

void shares::on_letter(letter_ptr l) {
    switch (l->what) {
        case letter_kind::join:
            return on_join(std::move(l));
        case letter_kind::leave:
            return on_leave(std::move(l));
        case letter_kind::adopt:
            return on_adopt(*l);
        case letter_kind::record:
            return on_record(*l);
        case letter_kind::joined: {
            const auto at = members_.find(l->member.number);
            if (at != members_.end()) return at->second->on_joined(l->member.number, l->share);
            // It has left before it heard of its share's number.
            return hub_.to_share(l->share,
                                 from_member(letter_kind::leave, l->member.number, l->share));
        }
        case letter_kind::over: {
            const auto at = members_.find(l->member.number);
            if (at != members_.end()) at->second->on_share_over(l->member.number);
            return;
        }
        case letter_kind::room:
        case letter_kind::refused:
        case letter_kind::done:
            break;
    }
    share* s = here(l->share);
    if (!s) {
        // It has moved since the member wrote.
        const uint32_t number = l->share;
        return hub_.to_share(number, std::move(l));
    }
    if (l->what == letter_kind::room)
        s->room(l->member, l->turn);
    else if (l->what == letter_kind::done)
        s->done(l->cookie);
    else
        s->refused(l->member, l->turn, l->cookie);
    if (s->idle()) look_soon();
}

void shares::on_leave(letter_ptr l) {
    if (share* found = here(l->share)) {
        found->leave(l->member);
    } else if (l->share != 0) {
        const uint32_t number = l->share;
        return hub_.to_share(number, std::move(l));
    } else {
        const meta_view<share_text> text(l->body());
        const auto g = groups_.find(text.text(text->name));
        if (g != groups_.end()) g->second->each([&](share& s) { s.leave(l->member); });
    }
    look_soon();
}

share_group& shares::group(std::string_view name) {
    const auto at = groups_.find(name);
    if (at != groups_.end()) return *at->second;
    const std::string key(name);
    auto& made = groups_[key];
    made = std::make_unique<share_group>(proxy_, key);
    made->stop_committing(moving_);
    return *made;
}

// Null at the limit of Kafka topics.
std::unique_ptr<share> shares::make_share(share_group& g, uint32_t number,
                                          const meta_view<share_text>& text) {
    std::vector<kafka_topic*> topics;
    for (const auto& t : text.list<share_topic>(text->topics)) {
        kafka_topic* found =
            proxy_.topics.get({t.exit, std::string(text.text(t.name)), t.dynamic != 0});
        if (!found) return nullptr;
        topics.push_back(found);
    }
    return std::make_unique<share>(proxy_, g, number, std::string(text.text(text->filter)), topics);
}

void shares::on_join(letter_ptr l) {
    const meta_view<share_text> text(l->body());
    const auto name = text.text(text->name);
    if (!groups_.contains(name) && !hub_.claim(box_, name)) {
        const std::string to(name);
        return hub_.to_group(box_, to, std::move(l), true);
    }
    share_group& g = group(name);
    share* s = g.find(text.text(text->filter));
    if (s) return s->join(l->member, text->resumes != 0);
    const uint32_t number = hub_.add_share(box_);
    auto made = make_share(g, number, text);
    if (!made) {
        hub_.remove_share(box_, number);
        tell_over(l->member);
        return look_soon();
    }
    made->join(l->member, text->resumes != 0);
    g.add(std::move(made));
}

void shares::tell_over(const member_id& m) {
    auto l = make_letter(letter_kind::over);
    l->member = m;
    hub_.to_member(m, std::move(l));
}

void shares::on_adopt(const letter& l) {
    const meta_view<share_text> text(l.body());
    if (!text) return;
    share_group& g = group(text.text(text->name));
    auto made = make_share(g, l.share, text);
    if (!made) {
        hub_.remove_share(box_, l.share);
        for (const auto& m : text.list<share_member>(text->members)) tell_over(m.id);
        return look_soon();
    }
    made->adopt(text);
    g.add(std::move(made));
}

void shares::on_record(const letter& l) {
    const meta_view<weft_kafka_record> record(l.body());
    chunk payload;
    if (l.payload_size > 0) {
        uint8_t* bytes = nullptr;
        payload = proxy_.here.alloc(l.payload_size, bytes);
        if (bytes) std::memcpy(bytes, l.payload(), l.payload_size);
    }
    weft_slice slice = payload.slice();
    slice.len = l.payload_size;
    const weft_data data{{sizeof data, WEFT_DATA, WEFT_INIT | WEFT_FIN, l.trace, 0, l.body()},
                         0,
                         0,
                         0,
                         l.payload_size > 0 ? 1u : 0u,
                         &slice};
    delivery& d = proxy_.scratch;
    taken result = taken::no;
    if (l.payload_size > 0 && !slice.data)
        result = taken::no;  // no memory: it is refused, and comes again
    else if (!record || !d.prepare(record, data, 1, proxy_.here.wall_ms()))
        result = taken::done;  // it has expired
    else
        result = offer(l.member.number, l.turn, l.lane, *record, d, l.cookie);
    if (result == taken::yes) return;
    auto answer = from_member(result == taken::done ? letter_kind::done : letter_kind::refused,
                              l.member.number, l.share);
    answer->turn = l.turn;
    answer->cookie = l.cookie;
    hub_.to_share(l.share, std::move(answer));
}

void shares::on_tail_gap(const kafka_topic& topic, const std::vector<partition_next>& before) {
    for (const auto& [number, s] : shares_) s->on_tail_gap(topic, before);
}

void shares::on_tail_back(const kafka_topic& topic, const partition_next& to, bool anew) {
    for (const auto& [name, g] : groups_) {
        bool reads = false;
        g->each([&](share& s) {
            s.each_topic([&](const kafka_topic& t) { reads |= &t == &topic; });
            s.on_tail_back(topic, to, anew);
        });
        if (reads && anew) g->tell_anew(topic, to);
    }
}

bool shares::move_away() {
    if (!hub_.leave(box_)) return false;
    moving_ = true;
    for (const auto& [name, g] : groups_) g->stop_committing(true);
    look_soon();
    return true;
}

void shares::stay() {
    if (!std::exchange(moving_, false)) return;
    for (const auto& [name, g] : groups_) g->stop_committing(false);
    look_soon();
}

// The members stay where they are, and notice nothing: they write to the number of their share.
bool shares::hand_over(share_group& g) {
    if (g.committing()) return false;
    std::vector<letter_ptr> letters;
    std::vector<uint32_t> numbers;
    g.each([&](const share& s) {
        letters.push_back(s.pack(g.name()));
        numbers.push_back(s.number());
    });
    return hub_.hand_over(box_, g.name(), numbers, letters);
}

void shares::look_soon() {
    if (!std::exchange(looking_, true)) proxy_.here.defer(call<&shares::look>, this);
}

// Groups begin when what they wait for is there, and go when they are over, or to the next
// generation.
void shares::look() {
    looking_ = false;
    for (auto at = groups_.begin(); at != groups_.end();) {
        share_group& g = *at->second;
        const bool handed_over = moving_ && hand_over(g);
        if (!handed_over) g.look();
        if (!handed_over && !g.over()) {
            ++at;
            continue;
        }
        hub_.release(box_, g.name());
        for (auto& link : g.release_links()) closing_.push_back(std::move(link));
        at = groups_.erase(at);
    }
    std::erase_if(closing_, [](const auto& link) { return link->closed(); });
    if (groups_.empty()) proxy_.shares_rest();
}

}  // namespace weft::mqtt_kafka
