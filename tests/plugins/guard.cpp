// A guard that lets everybody in who says "let NAME in", as NAME, with the role "friend"; answered
// at once for some names and from a thread of the pool for those that begin with "slow".
#include <weft/guard.hpp>

namespace {

struct later {
    later(weft::guard_answer a, weft::identified i) : answer(std::move(a)), who(std::move(i)) {}
    void work() { answer.accept(who); }
    void done() {}
    weft::guard_answer answer;
    weft::identified who;
};

class polite final : public weft::guard {
public:
    void verify(weft::worker asker, const weft_guard_request& q,
                weft::guard_answer answer) override {
        const auto text = weft::text_of(q.credentials);
        if (!text.starts_with("let ") || !text.ends_with(" in"))
            return answer.refuse("Say the words.");
        weft::identified who;
        who.identity = text.substr(4, text.size() - 7);
        who.roles = {"friend"};
        who.attributes = {{"length", std::to_string(who.identity.size())}};
        if (!who.identity.starts_with("slow")) return answer.accept(who);
        if (!asker.run(std::make_unique<later>(std::move(answer), std::move(who))))
            weft::log(WEFT_ERROR, "no pool");
    }
};

struct guard_plugin {
    static constexpr const char* type = "polite";
    static constexpr const char* version = "1.0.0";
    static constexpr const char* schema = nullptr;
    std::unique_ptr<weft::guard> create(const weft::entity_config&) {
        return std::make_unique<polite>();
    }
};

}  // namespace

WEFT_GUARD_PLUGIN(guard_plugin)
