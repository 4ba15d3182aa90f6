#include "engine/store/matrix_file.hpp"

#include "engine/base/error.hpp"
#include "engine/store/hdf5.hpp"

namespace edgesweep {

MatrixFile read_matrix_file(const std::string& path) {
  const hdf5::Reader file(path);
  const bool has_ntk = file.has_dataset("ntk");
  const bool has_jacobian = file.has_dataset("jacobian");
  if (has_ntk == has_jacobian)
    throw InputError(path, has_ntk ? "has both datasets ntk and jacobian; exactly one is allowed"
                                   : "has neither a dataset ntk nor a dataset jacobian at its root");
  const std::string name = has_ntk ? "ntk" : "jacobian";
  const std::string subject = path + ": " + name;
  const hdf5::DatasetInfo info = file.info(name);
  if (!info.floating_point) throw InputError(subject, "is not of a floating-point type");
  if (info.shape.size() != 2)
    throw InputError(subject, "has " + std::to_string(info.shape.size()) + " dimensions; it must have 2");

  MatrixFile matrix;
  matrix.is_jacobian = has_jacobian;
  matrix.rows = info.shape[0];
  matrix.columns = info.shape[1];
  if (matrix.rows == 0 || matrix.columns == 0) throw InputError(subject, "is empty");
  if (has_ntk && matrix.rows != matrix.columns)
    throw InputError(subject, "is " + std::to_string(matrix.rows) + " x " + std::to_string(matrix.columns) +
                                  "; it must be square");
  if (file.has_attribute(name, "outputs")) {
    const auto outputs = file.integer_attribute(name, "outputs");
    if (!outputs || *outputs < 1) throw InputError(subject, "attribute outputs must be one whole number of at least 1");
    matrix.outputs = *outputs;
  }
  if (matrix.rows % matrix.outputs != 0)
    throw InputError(subject, std::to_string(matrix.rows) + " rows are no multiple of its " +
                                  std::to_string(matrix.outputs) + " outputs");
  matrix.values = file.reals(name);
  return matrix;
}

}  // namespace edgesweep
