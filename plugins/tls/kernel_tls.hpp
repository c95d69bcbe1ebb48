// kernel_tls: what this machine's kernel can do of TLS (kTLS, linux/tls.h).
#pragma once

#include <cstddef>
#include <cstdint>

namespace weft::tls {

// Bytes of the keys for a cipher as TLS_TX takes them; 0: not one that we pass on.
size_t crypto_info_size(uint16_t cipher_type);

// Asks the kernel, once, on sockets of our own. A module may have to be loaded for it, so not on a
// worker.
void ask_kernel_about_tls();

// Does the kernel make records of this version with this cipher?
bool kernel_makes_records(uint16_t version, uint16_t cipher_type);

}  // namespace weft::tls
