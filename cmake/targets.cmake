# Warnings and sanitizers as usage requirements, and the functions that make this project's targets.

add_library(edgesweep_options INTERFACE)
target_compile_options(edgesweep_options INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
                       $<$<BOOL:${EDGESWEEP_WERROR}>:-Werror>)
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

# Every header of this folder compiles alone.
function(edgesweep_check_headers name)
  file(GLOB headers CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.hpp)
  set(units)
  foreach(header ${headers})
    file(RELATIVE_PATH relative ${PROJECT_SOURCE_DIR} ${header})
    string(REPLACE "/" "_" unit ${relative})
    set(unit ${PROJECT_BINARY_DIR}/headers/${unit}.cpp)
    if(NOT EXISTS ${unit})
      file(WRITE ${unit} "#include \"${relative}\"\n")
    endif()
    list(APPEND units ${unit})
  endforeach()
  if(units)
    add_library(${name}_headers OBJECT ${units})
    target_link_libraries(${name}_headers PRIVATE edgesweep_options
                          $<TARGET_PROPERTY:${name},LINK_LIBRARIES>)
  endif()
endfunction()
