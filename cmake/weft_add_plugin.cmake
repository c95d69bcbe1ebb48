# weft_add_plugin(binding tcp SOURCES a.cpp ... [LIBRARIES lib ...])
#
# Makes weft-binding-tcp.so, which exports weft_plugin_1 and nothing else. The flags are those that
# let dlclose really unmap it: no GNU unique symbols, a version script, hidden visibility.
# schema.json beside the sources, if present, becomes the header "schema.hpp" (weft::schema_json).
# The objects are also a library, weft_binding_tcp, which unit tests link.
#
# Works in a project of its own as well: nothing here refers to the caller's project. An empty
# WEFT_PLUGIN_INSTALL_DIRECTORY leaves the plugin out of the installation.
function(weft_add_plugin role name)
  cmake_parse_arguments(arg "" "" "SOURCES;LIBRARIES" ${ARGN})
  string(REPLACE "-" "_" id "${name}")
  set(objects weft_${role}_${id})
  set(plugin weft-${role}-${name})

  add_library(${objects} OBJECT ${arg_SOURCES})
  target_include_directories(${objects} PUBLIC "${CMAKE_CURRENT_SOURCE_DIR}")
  target_link_libraries(${objects} PUBLIC weft_sdk ${arg_LIBRARIES} PRIVATE weft_warnings)
  target_compile_options(${objects} PUBLIC
    -fvisibility=hidden $<$<COMPILE_LANGUAGE:CXX>:-fvisibility-inlines-hidden>
    $<$<CXX_COMPILER_ID:GNU>:$<$<COMPILE_LANGUAGE:CXX>:-fno-gnu-unique>>)

  if(EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/schema.json")
    set(header "${CMAKE_CURRENT_BINARY_DIR}/generated/schema.hpp")
    add_custom_command(OUTPUT "${header}"
      COMMAND ${CMAKE_COMMAND} -DIN=${CMAKE_CURRENT_SOURCE_DIR}/schema.json -DOUT=${header}
              -P ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/embed_schema.cmake
      DEPENDS schema.json ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/embed_schema.cmake VERBATIM)
    target_sources(${objects} PRIVATE "${header}")
    target_include_directories(${objects} PUBLIC "${CMAKE_CURRENT_BINARY_DIR}/generated")
  endif()

  add_library(${plugin} MODULE)
  target_link_libraries(${plugin} PRIVATE ${objects})
  target_link_options(${plugin} PRIVATE
    "-Wl,--version-script=${CMAKE_CURRENT_FUNCTION_LIST_DIR}/plugin.map" -Wl,-Bsymbolic -Wl,--build-id)
  if(NOT WEFT_SANITIZE)
    target_link_options(${plugin} PRIVATE -Wl,-z,defs)
  endif()
  set_target_properties(${plugin} PROPERTIES PREFIX ""
    LIBRARY_OUTPUT_DIRECTORY "${WEFT_PLUGIN_OUTPUT_DIRECTORY}"
    LINK_DEPENDS "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/plugin.map")
  if(WEFT_PLUGIN_INSTALL_DIRECTORY)
    install(TARGETS ${plugin} LIBRARY DESTINATION "${WEFT_PLUGIN_INSTALL_DIRECTORY}")
  endif()
endfunction()
