# weft_add_plugin(binding tcp SOURCES a.cpp ... [LIBRARIES lib ...])
#
# Makes weft-binding-tcp.so, which exports weft_plugin_1 and nothing else. The flags are those that
# let dlclose really unmap it: no GNU unique symbols, a version script, hidden visibility.
# schema.json beside the sources, if present, becomes the header "schema.hpp" (weft::schema_json).
# The objects are also a library, weft_binding_tcp, which unit tests link.
#
# Part of the package weft-sdk: nothing here refers to the caller's project. Without
# WEFT_PLUGIN_OUTPUT_DIRECTORY the file lies in the build folder, and an empty or absent
# WEFT_PLUGIN_INSTALL_DIRECTORY leaves it out of the installation.
function(weft_add_plugin role name)
  cmake_parse_arguments(arg "" "" "SOURCES;LIBRARIES" ${ARGN})
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_SOURCES)
    message(FATAL_ERROR "weft_add_plugin(${role} ${name} SOURCES file ... [LIBRARIES library ...])")
  endif()
  string(REPLACE "-" "_" id "${name}")
  set(objects weft_${role}_${id})
  set(plugin weft-${role}-${name})

  add_library(${objects} OBJECT ${arg_SOURCES})
  target_include_directories(${objects} PUBLIC "${CMAKE_CURRENT_SOURCE_DIR}")
  target_link_libraries(${objects} PUBLIC weft::sdk ${arg_LIBRARIES})
  if(TARGET weft_warnings)
    target_link_libraries(${objects} PRIVATE weft_warnings)
  endif()
  target_compile_options(${objects} PUBLIC
    -fvisibility=hidden $<$<COMPILE_LANGUAGE:CXX>:-fvisibility-inlines-hidden>
    $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fno-gnu-unique>)
  set_target_properties(${objects} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  if(CMAKE_CXX_COMPILER_LOADED)
    target_compile_features(${objects} PUBLIC cxx_std_20)
  endif()
  if(CMAKE_C_COMPILER_LOADED)
    target_compile_features(${objects} PUBLIC c_std_11)
  endif()

  if(EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/schema.json")
    set(header "${CMAKE_CURRENT_BINARY_DIR}/generated/schema.hpp")
    set(embed "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/embed_schema.cmake")
    add_custom_command(OUTPUT "${header}"
      COMMAND ${CMAKE_COMMAND} "-DIN=${CMAKE_CURRENT_SOURCE_DIR}/schema.json" "-DOUT=${header}" -P "${embed}"
      DEPENDS schema.json "${embed}" VERBATIM)
    target_sources(${objects} PRIVATE "${header}")
    target_include_directories(${objects} PUBLIC "${CMAKE_CURRENT_BINARY_DIR}/generated")
  endif()

  add_library(${plugin} MODULE)
  target_link_libraries(${plugin} PRIVATE ${objects})
  target_link_options(${plugin} PRIVATE
    "-Wl,--version-script=${CMAKE_CURRENT_FUNCTION_LIST_DIR}/plugin.map" -Wl,-Bsymbolic -Wl,--build-id)
  # A sanitizer's runtime is found in the executable, which -z defs would call undefined.
  if(NOT WEFT_SANITIZE AND NOT "${CMAKE_C_FLAGS} ${CMAKE_CXX_FLAGS}" MATCHES "-fsanitize=")
    target_link_options(${plugin} PRIVATE -Wl,-z,defs)
  endif()
  set_target_properties(${plugin} PROPERTIES PREFIX "" SUFFIX ".so"
    LINK_DEPENDS "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/plugin.map")
  if(WEFT_PLUGIN_OUTPUT_DIRECTORY)
    set_target_properties(${plugin} PROPERTIES LIBRARY_OUTPUT_DIRECTORY "${WEFT_PLUGIN_OUTPUT_DIRECTORY}")
  endif()
  if(WEFT_PLUGIN_INSTALL_DIRECTORY)
    install(TARGETS ${plugin} LIBRARY DESTINATION "${WEFT_PLUGIN_INSTALL_DIRECTORY}")
    if(WEFT_SCHEMA_INSTALL_DIRECTORY AND EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/schema.json")
      install(FILES schema.json DESTINATION "${WEFT_SCHEMA_INSTALL_DIRECTORY}" RENAME "${name}.json")
    endif()
  endif()
endfunction()
