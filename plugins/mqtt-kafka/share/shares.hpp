// Shared subscriptions in one instance: the groups that it reads for, and the sessions here that
// are members of groups, which may be read for elsewhere: on another worker, or in another
// generation of the binding.
#pragma once

#include "session/delivery.hpp"
#include "share/group.hpp"
#include "share/hub.hpp"

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace weft::mqtt_kafka {

class proxy;
class subscriber;

// "$share/name/filter"
struct shared_filter {
    std::string_view name, filter;
    explicit operator bool() const { return !filter.empty(); }
};
shared_filter split_shared(std::string_view pattern);  // void when it is malformed

class shares {
public:
    shares(proxy& p, share_hub& hub);
    ~shares();
    shares(const shares&) = delete;
    shares& operator=(const shares&) = delete;

    // For members. `who` hears of it: subscriber::on_joined, on_shared, on_share_over. Returns the
    // number of the member in this instance. `resumes`: its stored session was a member before.
    uint32_t ask(subscriber& who, const shared_filter& f, const std::vector<topic_use>& topics,
                 bool resumes);
    // `share` is 0 as long as the member has not joined.
    void leave(uint32_t member, uint32_t share, std::string_view name);
    void tell_room(uint32_t member, uint32_t share, uint32_t turn);
    void give_back(uint32_t member, uint32_t share, uint64_t cookie, bool done);

    // For groups.
    enum class taken : uint8_t { no, yes, done };  // done: nothing will be acknowledged
    bool is_here(const member_id& m) const { return m.box == box_.number; }
    taken offer(uint32_t member, uint32_t turn, uint32_t lane, const weft_kafka_record& record,
                delivery& d, uint64_t cookie);
    static letter_ptr copy(const weft_data& data);
    void to_member(const member_id& m, letter_ptr l) { hub_.to_member(m, std::move(l)); }
    void look_soon();
    void add(share& s) { shares_[s.number()] = &s; }
    void remove(const share& s);
    void on_tail_gap(const kafka_topic& topic, const std::vector<partition_next>& before);
    void on_tail_back(const kafka_topic& topic, const partition_next& to, bool anew);
    void on_topic_changed() {
        if (!groups_.empty()) look_soon();
    }
    // This instance is replaced: its groups go to the next generation. False when there is none of
    // the same configuration.
    bool move_away();
    // Not any more: the process ends, and what is here ends here.
    void stay();
    // The instance goes: whatever sessions still say, nothing is read for groups.
    void close();
    // Nothing is to be committed any more.
    bool idle() const { return groups_.empty(); }

private:
    void take_letters();
    void on_letter(letter_ptr l);
    void on_join(letter_ptr l);
    void on_leave(letter_ptr l);
    void on_adopt(const letter& l);
    void on_record(const letter& l);
    share_group& group(std::string_view name);
    std::unique_ptr<share> make_share(share_group& g, uint32_t number,
                                      const meta_view<share_text>& text);
    void tell_over(const member_id& m);
    void look();
    bool hand_over(share_group& g);
    share* here(uint32_t share) const;
    letter_ptr from_member(letter_kind what, uint32_t member, uint32_t share,
                           const weft_meta* body = nullptr) const;

    proxy& proxy_;
    share_hub& hub_;
    share_box box_;
    std::map<std::string, std::unique_ptr<share_group>, std::less<>> groups_;
    std::unordered_map<uint32_t, share*> shares_;         // by number
    std::unordered_map<uint32_t, subscriber*> members_;   // by number
    std::vector<std::unique_ptr<offsets_link>> closing_;  // of groups that are over
    uint32_t last_member_ = 0;
    bool looking_ = false, moving_ = false;
};

}  // namespace weft::mqtt_kafka
