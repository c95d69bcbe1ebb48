// User properties of a packet as a list in a metadata block.
#pragma once

#include "property.hpp"

#include <weft/meta.hpp>

namespace weft::mqtt {

// Null when there are none. In order, repeated ones kept [MQTT-3.3.2-18].
template <class T>
weft_ref write_user_properties(meta_writer<T>& m, const properties& props) {
    uint32_t count = 0;
    props.for_each_user([&](std::string_view, std::string_view) { ++count; });
    if (count == 0) return {};
    const weft_ref list = m.template list<weft_pair>(count);
    uint32_t i = 0;
    props.for_each_user(
        [&](std::string_view name, std::string_view value) { m.put_pair(list, i++, name, value); });
    return list;
}

}  // namespace weft::mqtt
