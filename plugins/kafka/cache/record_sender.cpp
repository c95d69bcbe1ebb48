#include "record_sender.hpp"

namespace weft::kafka {

record_sender::outcome record_sender::send(const record_view& r, const segment_ptr& where) {
    const auto value = r.value();
    const uint64_t need = value.size() + stream_.padding();
    const uint32_t credit = stream_.credit();
    // An empty payload costs nothing, but a receiver without any credit left wants to be spared.
    if (need > credit || credit == 0)
        return need > window_max_ && window_max_ != 0 ? outcome::too_large : outcome::no_credit;
    if (value.empty()) {
        stream_.data(std::span<const weft_slice>(), r.meta());
        return outcome::sent;
    }
    if (!map_ || map_->segment != where) map_ = maps_.get(where);
    stream_.data(map_->slice(value), r.meta());
    return outcome::sent;
}

}  // namespace weft::kafka
