#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace edgesweep {

/// A matrix that `edgesweep knorm` reads: dataset `ntk` or `jacobian` of an HDF5 file of any framework.
struct MatrixFile {
  bool is_jacobian = false;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t outputs = 1;    ///< attribute `outputs` = C on the dataset, 1 if absent
  std::vector<double> values;  ///< row-major, converted from any float type
};

/// Throws InputError: no such file, no such dataset (or both), not 2-D, not floating point, empty, rows not a multiple of
/// outputs, ntk not square.
MatrixFile read_matrix_file(const std::string& path);

}  // namespace edgesweep
