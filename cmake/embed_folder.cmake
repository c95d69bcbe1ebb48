# Turns the files of a folder into a header: an array of {name, text}, with ".in" cut off.
#   cmake -DIN=folder -DOUT=header.hpp -DNAME=array -P embed_folder.cmake
file(GLOB files "${IN}/*.in")
list(SORT files)
set(out "#pragma once\n\nnamespace weft::cli {\nstruct template_file {\n    const char *name, *text;\n};\ninline constexpr template_file ${NAME}[] = {\n")
foreach(file IN LISTS files)
  get_filename_component(name "${file}" NAME_WLE)
  file(READ "${file}" text)
  string(APPEND out "    {\"${name}\", R\"template(${text})template\"},\n")
endforeach()
file(WRITE "${OUT}" "${out}};\n}  // namespace weft::cli\n")
