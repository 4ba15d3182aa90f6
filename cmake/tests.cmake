# edgesweep_test(NAME LIBRARIES lib… [RECURSE] [PCH]): one GoogleTest program of all *_test.cpp of this folder.
function(edgesweep_test name)
  cmake_parse_arguments(arg "RECURSE;PCH" "" "LIBRARIES" ${ARGN})
  if(arg_RECURSE)
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  else()
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  endif()
  add_executable(${name} ${sources})
  target_link_libraries(${name} PRIVATE edgesweep_options ${arg_LIBRARIES} GTest::gtest GTest::gmock GTest::gtest_main)
  # Test code need not be fast, but compile fast: lines for a debugger, not every variable.
  target_compile_options(${name} PRIVATE -O1 -g1)
  target_compile_definitions(${name} PRIVATE EDGESWEEP_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  if(arg_PCH)
    target_precompile_headers(${name} REUSE_FROM edgesweep_torch_pch)
  endif()
  edgesweep_add_suites(${name} ${sources})
endfunction()

# One ctest entry a suite of a GoogleTest program: a process loads LibTorch, which takes longer than most tests. The last
# entry runs what the lines of the sources do not show, so that nothing is left out.
function(edgesweep_add_suites name)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${ARGN})
  set(suites "")
  foreach(source IN LISTS ARGN)
    file(STRINGS ${source} lines REGEX "^(TEST|TEST_F|TEST_P|TYPED_TEST)\\([A-Za-z0-9_]+,")
    list(TRANSFORM lines REPLACE "^[A-Z_]+\\(([A-Za-z0-9_]+),.*" "\\1")
    list(APPEND suites ${lines})
  endforeach()
  list(REMOVE_DUPLICATES suites)
  set(shown "")
  foreach(suite IN LISTS suites)
    set(filter "${suite}.*:${suite}/*:*/${suite}.*:*/${suite}/*")
    string(APPEND shown ":${filter}")
    add_test(NAME ${suite} COMMAND ${name} --gtest_brief=1 --gtest_filter=${filter})
    list(APPEND tests ${suite})
  endforeach()
  add_test(NAME ${name}_others COMMAND ${name} --gtest_brief=1 --gtest_filter=-${shown})
  set_tests_properties(${tests} ${name}_others PROPERTIES TIMEOUT 600 ENVIRONMENT "OMP_NUM_THREADS=1")
endfunction()

# add_mpi_test(NAME RANKS n TARGET program [ARGS …]): `mpirun -n n program`. Missing ranks fail, never skip.
function(add_mpi_test name)
  cmake_parse_arguments(arg "" "RANKS;TARGET" "ARGS" ${ARGN})
  add_test(NAME ${name} COMMAND ${MPIEXEC_EXECUTABLE} --oversubscribe --bind-to none ${MPIEXEC_NUMPROC_FLAG} ${arg_RANKS}
                                $<TARGET_FILE:${arg_TARGET}> ${arg_ARGS})
  set_tests_properties(${name} PROPERTIES TIMEOUT 300 PROCESSORS 2 ENVIRONMENT
    "OMPI_ALLOW_RUN_AS_ROOT=1;OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1;OMP_NUM_THREADS=1")
endfunction()

# add_script_test(NAME SCRIPT file [LABELS …] [TIMEOUT s]): a shell or Python test that gets the program's path in
# EDGESWEEP and the source folder in EDGESWEEP_SOURCE.
function(add_script_test name)
  cmake_parse_arguments(arg "" "SCRIPT;TIMEOUT" "LABELS" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  if(arg_SCRIPT MATCHES "\\.py$")
    find_package(Python3 REQUIRED COMPONENTS Interpreter)
    # Debian's interpreter has the reference packages; another python3 first in PATH may not.
    find_program(EDGESWEEP_TEST_PYTHON NAMES python3 PATHS /usr/bin NO_DEFAULT_PATH)
    if(NOT EDGESWEEP_TEST_PYTHON)
      set(EDGESWEEP_TEST_PYTHON ${Python3_EXECUTABLE})
    endif()
    set(command ${EDGESWEEP_TEST_PYTHON} ${arg_SCRIPT})
  else()
    set(command bash ${arg_SCRIPT})
  endif()
  add_test(NAME ${name} COMMAND ${command} WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${arg_TIMEOUT} PROCESSORS 2 LABELS "${arg_LABELS}" ENVIRONMENT
    "EDGESWEEP=$<TARGET_FILE:edgesweep>;EDGESWEEP_SOURCE=${PROJECT_SOURCE_DIR};MPIEXEC=${MPIEXEC_EXECUTABLE};OMPI_ALLOW_RUN_AS_ROOT=1;OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1;OMP_NUM_THREADS=1;PYTHONPATH=${PROJECT_SOURCE_DIR}/tests/reference")
endfunction()
