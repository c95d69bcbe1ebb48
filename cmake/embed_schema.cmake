# Turns schema.json into a header with the text as a raw string literal.
file(READ "${IN}" text)
file(WRITE "${OUT}" "#pragma once\n\nnamespace weft {\ninline constexpr const char schema_json[] = R\"schema(${text})schema\";\n}  // namespace weft\n")
