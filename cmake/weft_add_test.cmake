# weft_add_test(name SOURCES a_test.cpp ... [LIBRARIES lib ...])   a GoogleTest program, one ctest entry
# weft_add_fuzzer(name SOURCES a_fuzz.cpp ... [LIBRARIES lib ...]) a libFuzzer program, built with WEFT_FUZZ by
#                                                                   the target `fuzzers`; seeds in a folder corpus/NAME
#
# WEFT_TEST_PREFIX keeps the names of several builds apart when one ctest runs them all.
set(WEFT_TEST_PREFIX "" CACHE STRING "What the names of this build's tests begin with")
add_custom_target(fuzzers)
if(WEFT_TESTS)
  find_package(GTest REQUIRED)
endif()

function(weft_add_test name)
  if(NOT WEFT_TESTS)
    return()
  endif()
  cmake_parse_arguments(arg "" "" "SOURCES;LIBRARIES" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_LIBRARIES} weft_warnings weft_joined GTest::gmock GTest::gtest_main)
  # What is tested is optimised as the build says; the tests themselves are compiled once and run briefly, and most of
  # a test's compile time is GoogleTest's headers.
  target_compile_options(${name} PRIVATE -O0 -g1)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests"
    UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
  add_test(NAME ${WEFT_TEST_PREFIX}unit.${name} COMMAND ${name})
  set_tests_properties(${WEFT_TEST_PREFIX}unit.${name} PROPERTIES LABELS unit TIMEOUT 300)
endfunction()

function(weft_add_fuzzer name)
  if(NOT WEFT_FUZZ)
    return()
  endif()
  cmake_parse_arguments(arg "" "" "SOURCES;LIBRARIES" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_LIBRARIES} weft_warnings)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/fuzz")
  add_dependencies(fuzzers ${name})
endfunction()
