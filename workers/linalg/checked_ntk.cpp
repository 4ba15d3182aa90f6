#include "workers/linalg/checked_ntk.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <sstream>
#include <utility>

#include "engine/base/error.hpp"

namespace edgesweep {
namespace {

constexpr double kSymmetryTolerance = 1e-8;
constexpr double kNegativeTolerance = 1e-8;

std::string text(double value) {
  std::ostringstream stream;
  stream << value;
  return stream.str();
}

std::string entry_name(std::int64_t row, std::int64_t column) {
  return "[" + std::to_string(row) + ", " + std::to_string(column) + "]";
}

void check_finite(const KnormMatrix& matrix, const std::string& subject) {
  for (std::size_t i = 0; i < matrix.values.size(); ++i) {
    if (std::isfinite(matrix.values[i])) continue;
    const auto index = static_cast<std::int64_t>(i);
    throw InputError(subject, "entry " + entry_name(index / matrix.columns, index % matrix.columns) + " is " +
                                  text(matrix.values[i]) + ", must be finite");
  }
}

void check_symmetric(const at::Tensor& ntk, const std::string& subject) {
  const at::Tensor difference = (ntk - ntk.t()).abs_();
  const std::int64_t worst = difference.argmax().item<std::int64_t>();
  const std::int64_t row = worst / ntk.size(0);
  const std::int64_t column = worst % ntk.size(0);
  const double scale = std::max(std::abs(ntk.max().item<double>()), std::abs(ntk.min().item<double>()));
  if (difference[row][column].item<double>() <= kSymmetryTolerance * scale) return;
  throw InputError(subject, "the NTK must be symmetric, but entry " + entry_name(row, column) + " is " +
                                text(ntk[row][column].item<double>()) + " and " + entry_name(column, row) + " is " +
                                text(ntk[column][row].item<double>()));
}

at::Tensor symmetric_ntk(KnormMatrix matrix, std::int64_t examples, const std::string& subject) {
  const at::Tensor given = at::from_blob(matrix.values.data(), {matrix.rows, matrix.columns}, at::kDouble);
  if (matrix.is_jacobian) {
    const at::Tensor gram = at::mm(given, given.t()).div_(static_cast<double>(examples));
    return (gram + gram.t()).div_(2);
  }
  check_symmetric(given, subject);
  return (given + given.t()).div_(2);
}

}  // namespace

at::Tensor checked_ntk(KnormMatrix matrix, std::int64_t examples, const std::string& subject) {
  if (matrix.rows > kMaxKernelRows) {
    throw InputError(subject, "has " + std::to_string(matrix.rows) + " rows; LAPACK takes at most " +
                                  std::to_string(kMaxKernelRows) + " for eigenvectors");
  }
  check_finite(matrix, subject);
  at::Tensor ntk = symmetric_ntk(std::move(matrix), examples, subject);
  if (!at::isfinite(ntk.sum()).item<bool>()) throw InputError(subject, "entries are too large: J Jᵀ overflows");
  return ntk;
}

void check_positive(const NtkSpectrum& spectrum, const std::string& subject) {
  const double lowest = spectrum.eigenvalues[0].item<double>();
  const double highest = spectrum.eigenvalues[-1].item<double>();
  if (lowest >= -kNegativeTolerance * highest) return;
  throw InputError(subject, "the NTK must be positive semi-definite, but has the eigenvalue " + text(lowest) +
                                " beside the largest one, " + text(highest));
}

}  // namespace edgesweep
