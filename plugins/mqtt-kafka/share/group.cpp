#include "share/group.hpp"

#include "proxy.hpp"

#include <algorithm>
#include <stdexcept>

namespace weft::mqtt_kafka {

namespace {

// "zilla:namespace-binding-$share-name"
std::string group_id(const std::string& binding, const std::string& name) {
    std::string id = binding;
    std::replace(id.begin(), id.end(), ':', '-');
    return "zilla:" + id + "-$share-" + name;
}

}  // namespace

share_group::share_group(proxy& p, const std::string& name)
    : proxy_(p), name_(name), id_(group_id(p.config.name, name)) {
    timer_ = proxy_.here.timer_in_ms(proxy_.config.limit.share_commit_ms,
                                     call<&share_group::on_timer>, this);
}

share_group::~share_group() {
    if (timer_) proxy_.here.cancel(timer_);
    shares_.clear();
}

share* share_group::find(std::string_view filter) const {
    for (const auto& s : shares_)
        if (s->filter() == filter) return s.get();
    return nullptr;
}

void share_group::add(std::unique_ptr<share> s) {
    s->each_topic([&](kafka_topic& t) { want_link(t); });
    shares_.push_back(std::move(s));
    look();
}

const offsets_link& share_group::link(const kafka_topic& topic) const {
    for (const auto& l : links_)
        if (l.topic.get() == &topic) return *l.link;
    throw std::logic_error("a shared subscription without a link");
}

std::optional<int64_t> share_group::place_in(const kafka_topic& topic, int32_t partition,
                                             bool first) const {
    return first ? link(topic).first(partition) : link(topic).place(partition);
}

void share_group::want_link(kafka_topic& topic) {
    for (const auto& l : links_)
        if (l.topic.get() == &topic) return;
    auto made = std::make_unique<offsets_link>(proxy_.here, topic.exit(), topic.name(), id_);
    made->on_known = [this] { proxy_.shares.look_soon(); };
    made->on_answer = [this](const std::string& error) { on_answer(error); };
    made->on_wrong = [this, &topic](const weft_kafka_place& told, int64_t now) {
        on_wrong(topic, told, now);
    };
    made->open();
    links_.push_back({topic_use(topic), std::move(made)});
}

std::vector<std::unique_ptr<offsets_link>> share_group::release_links() {
    std::vector<std::unique_ptr<offsets_link>> out;
    for (auto& l : links_) {
        l.link->on_known = {};
        l.link->on_answer = {};
        l.link->on_wrong = {};
        l.link->close();
        out.push_back(std::move(l.link));
    }
    shares_.clear();
    links_.clear();
    return out;
}

// Where others of the name already are says nothing of the place of a new filter. That of one which
// was there before, by its stored session, was not before the group's.
share_begin share_group::begin_of(const share& s) const {
    const bool alone = std::none_of(shares_.begin(), shares_.end(),
                                    [](const auto& other) { return other->started(); });
    if (alone) return share_begin::committed;
    return s.resumes() && !begun_.contains(s.filter()) ? share_begin::first : share_begin::now;
}

void share_group::look() {
    for (const auto& s : shares_) {
        if (s->started()) continue;
        s->start_if_ready(begin_of(*s));
        if (!s->started()) continue;
        begun_.insert(s->filter());
        commit();  // so that its place is known
    }
    for (const auto& s : shares_) s->settle_if_committed();
    // One without members keeps its place as long as no other has the name.
    const auto is_idle = [](const auto& s) { return s->idle(); };
    const bool all_idle = std::all_of(shares_.begin(), shares_.end(), is_idle);
    if (all_idle) return commit();
    std::erase_if(shares_, is_idle);
    over_ = false;  // somebody has come meanwhile
}

bool share_group::committing() const {
    return std::any_of(links_.begin(), links_.end(),
                       [](const auto& l) { return l.link->committing(); });
}

void share_group::commit() {
    if (moving_) return;
    bool written = true;
    for (auto& l : links_) {
        std::map<int32_t, int64_t> places;
        for (const auto& s : shares_)
            if (s->started()) s->add_places(*l.topic, places);
        std::erase_if(places, [&](const auto& p) {
            const auto at = l.link->committed().find(p.first);
            return at != l.link->committed().end() && at->second == p.second;
        });
        if (places.empty()) continue;
        written = false;
        if (!l.link->committing()) l.link->commit(places);
    }
    over_ = (written || (failed_ && proxy_.stops())) && !committing() &&
            std::all_of(shares_.begin(), shares_.end(), [](const auto& s) { return s->idle(); });
    if (over_) proxy_.shares.look_soon();
}

void share_group::on_wrong(const kafka_topic& topic, const weft_kafka_place& told, int64_t now) {
    const std::string where =
        "partition " + std::to_string(told.partition) + " of topic " + topic.name();
    const std::string what = told.offset < told.begin ? std::to_string(told.begin - told.offset) +
                                                            " records are no longer there"
                                                      : "the topic was truncated or made anew";
    proxy_.events.emit(WEFT_WARN, "binding.mqtt.kafka.share.place.lost", id_ + where,
                       "Consumer group " + id_ + " stands at " + std::to_string(told.offset) +
                           " in " + where + ", whose records are " + std::to_string(told.begin) +
                           " to " + std::to_string(told.end) + ": " + what + "; going on at " +
                           std::to_string(now) + ".");
}

void share_group::tell_anew(const kafka_topic& topic, const partition_next& to) {
    proxy_.events.emit(WEFT_WARN, "binding.mqtt.kafka.share.place.lost", id_ + topic.name(),
                       "Partition " + std::to_string(to.partition) + " of topic " + topic.name() +
                           " was made anew: consumer group " + id_ + " goes on at its beginning.");
}

void share_group::on_answer(const std::string& error) {
    failed_ = !error.empty();
    if (failed_)
        proxy_.events.emit(
            WEFT_WARN, "binding.mqtt.kafka.share.commit.failed", id_,
            "The place of consumer group " + id_ + " could not be written; trying again: " + error);
    if (!failed_ || moving_ || proxy_.stops()) proxy_.shares.look_soon();
}

void share_group::on_timer() {
    timer_ = proxy_.here.timer_in_ms(proxy_.config.limit.share_commit_ms,
                                     call<&share_group::on_timer>, this);
    commit();
}

}  // namespace weft::mqtt_kafka
