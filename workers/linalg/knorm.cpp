#include "workers/linalg/knorm.hpp"

#include <cmath>
#include <sstream>
#include <utility>

#include "engine/base/error.hpp"
#include "workers/linalg/checked_ntk.hpp"
#include "workers/linalg/kernel_norm.hpp"

namespace edgesweep {
namespace {

std::string text(double value) {
  std::ostringstream stream;
  stream << value;
  return stream.str();
}

void check_settings(const KernelNormSettings& settings, std::int64_t examples) {
  if (!(settings.eta > 0) || !std::isfinite(settings.eta)) {
    throw InputError("--eta", "is " + text(settings.eta) + ", must be a positive number");
  }
  if (settings.batch < 1 || settings.batch > examples) {
    throw InputError("--batch", "is " + std::to_string(settings.batch) + ", must be from 1 to the " +
                                    std::to_string(examples) + " examples of the file");
  }
  if (!(settings.momentum >= 0 && settings.momentum < 1)) {
    throw InputError("--momentum", "is " + text(settings.momentum) + ", must be in [0, 1)");
  }
  if (!(settings.l2 >= 0) || !std::isfinite(settings.l2)) {
    throw InputError("--l2", "is " + text(settings.l2) + ", must be 0 or a positive number");
  }
}

}  // namespace

KnormResult knorm(KnormMatrix matrix, const KernelNormSettings& settings, bool full, const std::string& subject) {
  KnormResult result;
  result.examples = matrix.rows / settings.outputs;
  check_settings(settings, result.examples);
  const NtkSpectrum spectrum = ntk_spectrum(checked_ntk(std::move(matrix), result.examples, subject), settings.outputs);
  check_positive(spectrum, subject);
  result.norms = kernel_norms(spectrum, settings);
  if (full) result.norms.K_full = kernel_norm_full(spectrum, settings);
  return result;
}

}  // namespace edgesweep
