// A shared subscription goes to another instance, with its places, its members, and what is out.
#include "proxy.hpp"
#include "share/share.hpp"

#include <algorithm>

namespace weft::mqtt_kafka {

letter_ptr share::pack(const std::string& name) const {
    std::vector<share_place> places = adopted_;
    for (uint32_t i = 0; i < lanes_.size(); ++i) {
        // Level places are where the tail is, which the next instance's tail may be behind or
        // before.
        const auto* tail = lanes_[i].topic->tail();
        for (const place& p : lanes_[i].places)
            places.push_back(
                {p.level ? std::max(p.next, tail->position(p.partition)) : p.next, i, p.partition});
    }
    std::vector<share_flight> flights;
    flights_.each([&](const share_flights::flight& f) {
        flights.push_back({f.cookie, f.of.offset, f.of.lane, f.of.partition, f.at});
    });
    for (const share_key& k : again_) flights.push_back({0, k.offset, k.lane, k.partition, {}});
    std::vector<share_member> members;
    for (const member& m : members_) members.push_back({m.id, m.turn, m.full, 1});
    for (const member_id& id : joining_) members.push_back({id, 0, 1, 0});

    meta_writer<share_text> t;
    t->name = t.text(name);
    t->filter = t.text(filter_);
    t->topics = t.list<share_topic>(lanes_.size());
    for (uint32_t i = 0; i < lanes_.size(); ++i) {
        const weft_ref topic = t.text(lanes_[i].topic->name());
        t.item<share_topic>(t->topics, i) = {lanes_[i].topic->exit(), topic,
                                             lanes_[i].topic->dynamic(), 0};
    }
    t->places = t.list_of(std::span<const share_place>(places));
    t->flights = t.list_of(std::span<const share_flight>(flights));
    t->members = t.list_of(std::span<const share_member>(members));
    t->resumes = resumes_;
    t->settled = settled_;
    auto l = make_letter(letter_kind::adopt, t.get());
    l->share = number_;
    return l;
}

void share::adopt(const meta_view<share_text>& text) {
    const auto places = text.list<share_place>(text->places);
    adopted_.assign(places.begin(), places.end());
    for (const auto& m : text.list<share_member>(text->members))
        if (m.joined)
            members_.push_back({m.id, m.turn, 0, m.full != 0});
        else
            joining_.push_back(m.id);
    std::vector<share_flights::flight> out;
    for (const auto& f : text.list<share_flight>(text->flights)) {
        const share_key of{f.lane, f.partition, f.offset};
        if (of.lane >= lanes_.size()) continue;
        if (f.cookie == 0) {
            again_.insert(of);
            continue;
        }
        out.push_back({of, f.at, f.cookie});
        if (member* m = find(f.at)) ++m->flying;
    }
    flights_.adopt(out);
    resumes_ = text->resumes != 0;
    settled_ = text->settled != 0;
}

}  // namespace weft::mqtt_kafka
