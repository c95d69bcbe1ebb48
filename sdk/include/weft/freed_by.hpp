// freed_by: the deleter of objects that a C library frees by a function of its own.
//
//   using bio_ptr = std::unique_ptr<BIO, weft::freed_by<BIO_free_all>>;
#pragma once

namespace weft {

template <auto Free>
struct freed_by {
    template <class T>
    void operator()(T* p) const {
        Free(p);
    }
};

}  // namespace weft
