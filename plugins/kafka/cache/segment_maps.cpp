#include "segment_maps.hpp"

#include <new>

namespace weft::kafka {

std::shared_ptr<mapped_segment> segment_maps::get(const segment_ptr& s) {
    auto& slot = maps_[s.get()];
    // Another segment may live at the address of one that is gone.
    if (auto known = slot.lock(); known && known->segment == s) return known;
    auto kept = std::make_unique<segment_ptr>(s);
    const auto release = [](void* ctx) { delete static_cast<segment_ptr*>(ctx); };
    weft_slice whole{};
    if (services.buffers->wrap(worker_.handle(), s->data(), s->capacity(), release, kept.get(),
                               &whole) != WEFT_OK)
        throw std::bad_alloc();
    static_cast<void>(kept.release());
    auto map = std::make_shared<mapped_segment>(mapped_segment{s, chunk::adopt(whole)});
    std::erase_if(maps_, [](const auto& e) { return e.second.expired(); });
    maps_[s.get()] = map;
    return map;
}

}  // namespace weft::kafka
