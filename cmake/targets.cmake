# Warnings and sanitizers as usage requirements, and the functions that make this project's targets.

add_library(edgesweep_options INTERFACE)
target_compile_options(edgesweep_options INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
                       $<$<BOOL:${EDGESWEEP_WERROR}>:-Werror>)
# GCC 13 and newer take a registry's entry for part of the name that it was looked up by.
target_compile_options(edgesweep_options INTERFACE
                       $<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_GREATER_EQUAL:$<CXX_COMPILER_VERSION>,13>>:-Wno-dangling-reference>)
# Contraction of a*b+c would make results depend on the compiler; kernels that want FMA ask for it themselves.
target_compile_options(edgesweep_options INTERFACE -ffp-contract=off)
target_include_directories(edgesweep_options INTERFACE ${PROJECT_SOURCE_DIR})
if(EDGESWEEP_SANITIZE)
  target_compile_options(edgesweep_options INTERFACE -fsanitize=address,undefined -fno-omit-frame-pointer)
  target_link_options(edgesweep_options INTERFACE -fsanitize=address,undefined)
endif()

# edgesweep_library(NAME [PUBLIC lib…] [PRIVATE lib…]): a static library of all *.cpp of this folder.
# PUBLIC are libraries whose headers this folder's headers include.
function(edgesweep_library name)
  cmake_parse_arguments(arg "" "" "PUBLIC;PRIVATE" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  add_library(${name} STATIC ${sources})
  target_link_libraries(${name} PUBLIC ${arg_PUBLIC} PRIVATE edgesweep_options ${arg_PRIVATE})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
  edgesweep_check_headers(${name})
endfunction()

# Sets `result` to source files that include one of `headers` each.
function(edgesweep_header_units result)
  set(units)
  foreach(header ${ARGN})
    file(RELATIVE_PATH relative ${PROJECT_SOURCE_DIR} ${header})
    string(REPLACE "/" "_" unit ${relative})
    set(unit ${PROJECT_BINARY_DIR}/headers/${unit}.cpp)
    if(NOT EXISTS ${unit})
      file(WRITE ${unit} "#include \"${relative}\"\n")
    endif()
    list(APPEND units ${unit})
  endforeach()
  set(${result} ${units} PARENT_SCOPE)
endfunction()

# Sets `result` to those of `headers` that no source file of the same name includes first, which would show as much.
function(edgesweep_not_included_first result)
  set(others)
  foreach(header ${ARGN})
    file(RELATIVE_PATH relative ${PROJECT_SOURCE_DIR} ${header})
    string(REGEX REPLACE "\\.hpp$" ".cpp" source ${header})
    set(first "")
    if(EXISTS ${source})
      file(STRINGS ${source} first REGEX "^#include" LIMIT_COUNT 1)
    endif()
    if(NOT first STREQUAL "#include \"${relative}\"")
      list(APPEND others ${header})
    endif()
  endforeach()
  set(${result} ${others} PARENT_SCOPE)
endfunction()

# Every header of this folder compiles alone.
function(edgesweep_check_headers name)
  file(GLOB headers CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.hpp)
  edgesweep_not_included_first(others ${headers})
  edgesweep_header_units(units ${others})
  if(units)
    add_library(${name}_headers OBJECT ${units})
    target_link_libraries(${name}_headers PRIVATE edgesweep_options
                          $<TARGET_PROPERTY:${name},LINK_LIBRARIES>)
    target_compile_options(${name}_headers PRIVATE -O0 -g0)
  endif()
endfunction()

# The same for this folder and all below, with LibTorch. Source files have ATen precompiled, which hides what a header misses
# unless it includes ATen's tensor itself.
function(edgesweep_check_torch_headers name)
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.hpp)
  edgesweep_not_included_first(alone ${headers})
  foreach(header ${headers})
    file(STRINGS ${header} found REGEX "^#include <ATen/core/Tensor.h>" LIMIT_COUNT 1)
    if(NOT found)
      list(APPEND alone ${header})
    endif()
  endforeach()
  list(REMOVE_DUPLICATES alone)
  edgesweep_header_units(units ${alone})
  add_library(${name}_headers OBJECT ${units})
  target_link_libraries(${name}_headers PRIVATE edgesweep_options ${ARGN})
  target_compile_options(${name}_headers PRIVATE -O0 -g0)
endfunction()
