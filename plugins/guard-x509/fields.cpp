#include "fields.hpp"

namespace weft::guard_x509 {

std::optional<field_id> field_named(std::string_view name) {
    for (field_id f = 0; f < fields.size(); ++f)
        if (fields[f].name == name) return f;
    return std::nullopt;
}

std::optional<field_id> field_of(part of, int what) {
    for (field_id f = 0; f < fields.size(); ++f)
        if (fields[f].of == of && fields[f].what == what) return f;
    return std::nullopt;
}

std::string names_of_fields() {
    std::string out;
    for (const auto& f : fields) out += (out.empty() ? "" : ", ") + std::string(f.name);
    return out;
}

}  // namespace weft::guard_x509
