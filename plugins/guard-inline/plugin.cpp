// The inline guard: everybody is who they say they are.
#include "inline.hpp"
#include "schema.hpp"

namespace weft::guard_inline {

struct plugin {
    static constexpr const char* type = "inline";
    static constexpr const char* version = "0.1.0";
    static constexpr const char* schema = schema_json;

    std::unique_ptr<guard> create(const entity_config& c) {
        auto config = read_config(c);
        if (!config.identity)
            log(WEFT_WARN,
                ("guard " + c.qualified_name() + ": believes everybody: whoever says a name has it")
                    .c_str());
        return std::make_unique<inline_guard>(std::move(config));
    }
};

}  // namespace weft::guard_inline

WEFT_GUARD_PLUGIN(weft::guard_inline::plugin)
