# Every library that edgesweep links, found once. scripts/setup.sh installs them on Debian and Ubuntu.
find_package(Threads REQUIRED)
find_package(MPI REQUIRED COMPONENTS CXX)
find_package(HDF5 REQUIRED COMPONENTS C HL)
find_package(nlohmann_json 3.9 REQUIRED)
find_package(CLI11 REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(ZLIB REQUIRED)
find_package(PNG 1.6 REQUIRED)
find_package(JPEG REQUIRED)  # libjpeg-turbo: decodes at a part of the size, and some rows

# OpenBLAS itself, not whatever libblas is: it comes before LibTorch's own BLAS in symbol resolution.
find_path(OPENBLAS_INCLUDE_DIR cblas.h PATH_SUFFIXES openblas openblas-pthread openblas-openmp
          HINTS /usr/include/${CMAKE_LIBRARY_ARCHITECTURE} REQUIRED)
find_library(OPENBLAS_LIBRARY openblas REQUIRED)
add_library(edgesweep_openblas INTERFACE)
target_include_directories(edgesweep_openblas SYSTEM INTERFACE ${OPENBLAS_INCLUDE_DIR})
target_link_libraries(edgesweep_openblas INTERFACE ${OPENBLAS_LIBRARY})

find_package(Torch REQUIRED)
separate_arguments(edgesweep_torch_flags UNIX_COMMAND "${TORCH_CXX_FLAGS}")
add_library(edgesweep_torch INTERFACE)
target_include_directories(edgesweep_torch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
target_compile_options(edgesweep_torch INTERFACE ${edgesweep_torch_flags})
target_link_libraries(edgesweep_torch INTERFACE ${TORCH_LIBRARIES})

# HDF5 through a target with system headers, without the definitions of its MPI build.
add_library(edgesweep_hdf5 INTERFACE)
target_include_directories(edgesweep_hdf5 SYSTEM INTERFACE ${HDF5_C_INCLUDE_DIRS})
target_link_libraries(edgesweep_hdf5 INTERFACE ${HDF5_C_HL_LIBRARIES} ${HDF5_C_LIBRARIES})
