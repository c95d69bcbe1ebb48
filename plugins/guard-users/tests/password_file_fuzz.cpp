// Whatever a password file holds: it is read or refused.
#include "password_file.hpp"

#include <stdexcept>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    try {
        const auto f = weft::guard_users::password_file::parse(
            {reinterpret_cast<const char*>(data), size}, "f");
        bool known = false;
        static_cast<void>(f.find("anna", known));
    } catch (const std::runtime_error&) {
        return 0;
    }
    return 0;
}
