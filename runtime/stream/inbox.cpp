#include "buffer/pool.hpp"
#include "stream/stream.hpp"

#include <cstdlib>
#include <cstring>
#include <new>

namespace weft {
namespace {

constexpr size_t aligned(size_t n) {
    return (n + 7) & ~size_t{7};
}

}  // namespace

inbox_item* inbox_item::make(weft_stream* end, type what, const weft_frame* f) {
    size_t size = sizeof(inbox_item);
    const bool is_data = f && f->kind == WEFT_DATA;
    const auto* data = reinterpret_cast<const weft_data*>(f);
    size_t frame_size = 0, meta_size = 0, iov_size = 0;
    if (f) {
        frame_size = aligned(f->size);
        meta_size = f->meta ? aligned(f->meta->size) : 0;
        iov_size = is_data ? data->iovcnt * sizeof(weft_slice) : 0;
        size += frame_size + meta_size + iov_size;
    }
    void* memory = std::malloc(size);
    if (!memory) throw std::bad_alloc();
    auto* item = new (memory) inbox_item;
    item->end = end;
    item->what = what;
    if (!f) return item;

    auto* at = reinterpret_cast<uint8_t*>(item->frame());
    std::memcpy(at, f, f->size);
    item->frame_size = f->size;
    auto* copy = item->frame();
    if (f->meta) {
        std::memcpy(at + frame_size, f->meta, f->meta->size);
        copy->meta = reinterpret_cast<const weft_meta*>(at + frame_size);
    }
    if (is_data && data->iovcnt) {
        auto* iov = reinterpret_cast<weft_slice*>(at + frame_size + meta_size);
        std::memcpy(iov, data->iov, iov_size);
        reinterpret_cast<weft_data*>(copy)->iov = iov;
        for (uint32_t i = 0; i < data->iovcnt; ++i)
            if (iov[i].owner) buffer_pool::retain(iov[i].owner);
    }
    return item;
}

void inbox_item::destroy(inbox_item* item) {
    if (item->frame_size && item->frame()->kind == WEFT_DATA) {
        const auto* data = reinterpret_cast<const weft_data*>(item->frame());
        for (uint32_t i = 0; i < data->iovcnt; ++i)
            if (data->iov[i].owner) buffer_pool::release(data->iov[i].owner);
    }
    item->~inbox_item();
    std::free(item);
}

}  // namespace weft
