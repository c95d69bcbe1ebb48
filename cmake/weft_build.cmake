# Language level, warnings, sanitizers, output folders and the libraries that everything shares.
include(GNUInstallDirs)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()

# The build folder looks like an installation: bin/weft finds ../lib/weft/plugins.
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
set(WEFT_PLUGIN_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib/weft/plugins")
# Not CMAKE_INSTALL_LIBDIR, which Debian makes lib/<triplet> below /usr: bin/weft looks in lib.
set(WEFT_PLUGIN_INSTALL_DIRECTORY "lib/weft/plugins")
set(WEFT_SCHEMA_INSTALL_DIRECTORY "${CMAKE_INSTALL_DATADIR}/weft/schemas")

find_program(WEFT_CCACHE ccache)
if(WEFT_CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER "${WEFT_CCACHE}")
  set(CMAKE_CXX_COMPILER_LAUNCHER "${WEFT_CCACHE}")
endif()

set(WEFT_SANITIZE "" CACHE STRING "Sanitizers for everything: address,undefined or thread")
option(WEFT_FUZZ "Build libFuzzer targets (needs clang)" OFF)
if(WEFT_SANITIZE)
  # Unoptimised: these builds are compiled far more often than they run long, and see more so.
  add_compile_options(-fsanitize=${WEFT_SANITIZE} -fno-omit-frame-pointer -O0)
  add_link_options(-fsanitize=${WEFT_SANITIZE})
  if(WEFT_SANITIZE MATCHES undefined)
    add_compile_options(-fno-sanitize-recover=undefined)
  endif()
endif()
if(WEFT_SANITIZE MATCHES thread)
  # Boost.Asio's posts use a fence, which GCC warns that ThreadSanitizer does not follow.
  add_compile_options($<$<CXX_COMPILER_ID:GNU>:-Wno-tsan>)
  # See the file: it must be found before glibc, so executables export it.
  add_library(weft_tsan_threads OBJECT "${CMAKE_CURRENT_LIST_DIR}/tsan_threads.c")
  set_target_properties(weft_tsan_threads PROPERTIES C_STANDARD 11 C_EXTENSIONS ON)
  link_libraries($<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:$<TARGET_OBJECTS:weft_tsan_threads>>)
  add_link_options($<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:-rdynamic>)
endif()
if(WEFT_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# A start reads every plugin's file whole, to name it by its content: what only a debugger reads is packed.
if(NOT WEFT_SANITIZE)
  add_link_options(-Wl,--compress-debug-sections=zlib)
endif()

# Every target of ours links this; code of others does not.
add_library(weft_warnings INTERFACE)
target_compile_options(weft_warnings INTERFACE
  -Wall -Wextra -Wshadow -Werror
  $<$<COMPILE_LANGUAGE:CXX>:-Wconversion -Wnon-virtual-dtor -Woverloaded-virtual>)
if(WEFT_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # With instrumentation GCC 12 sees uninitialised members inside of the standard library (std::regex).
  target_compile_options(weft_warnings INTERFACE -Wno-maybe-uninitialized)
endif()

# For what is compiled as one with other files, after weft_warnings: they see each other's names, which is no fault of
# theirs; the build of single files is the one that judges.
add_library(weft_joined INTERFACE)
target_compile_options(weft_joined INTERFACE
  $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-shadow -Wshadow=local -Wno-subobject-linkage>
  $<$<NOT:$<COMPILE_LANG_AND_ID:CXX,GNU>>:-Wno-shadow>)
if(CMAKE_UNITY_BUILD)
  target_link_libraries(weft_warnings INTERFACE weft_joined)
endif()

find_package(Threads REQUIRED)
