#include "workers/measurements/warm_eigenpairs.hpp"

#include <ATen/ATen.h>

#include <algorithm>

#include "workers/data/philox.hpp"

namespace edgesweep {
namespace {

constexpr const char* known_vectors = "known_vectors";
constexpr const char* known_values = "known_values";

/// As many vectors as eigenvalues are wanted: a single one never finds the second of two equal eigenvalues.
at::Tensor random_start(std::int64_t count, std::int64_t size, std::uint64_t key) {
  const at::Tensor start = at::empty({std::min(count, size), size}, at::kDouble);
  RandomStream stream(key, RandomUse::hessian_start);
  double* values = start.data_ptr<double>();
  std::generate(values, values + start.numel(), [&] { return stream.normal(); });
  return start;
}

}  // namespace

TopEigenpairs WarmEigenpairs::solve(SymmetricOperator& op, const TopEigenpairsSettings& settings, std::uint64_t random_key,
                                    const at::TensorOptions& options) {
  if (known_.defined()) known_.vectors = known_.vectors.to(options);
  TopEigenpairs top =
      known_.defined() ? top_eigenpairs(op, known_, settings)
                       : top_eigenpairs(op, random_start(settings.count, op.size(), random_key).to(options), settings);
  if (top.known.defined()) known_ = top.known;
  return top;
}

MeasurementState WarmEigenpairs::state() const {
  if (!known_.defined()) return {};
  return {{known_vectors, known_.vectors}, {known_values, known_.values}};
}

void WarmEigenpairs::restore(const MeasurementState& state) {
  const auto vectors = state.find(known_vectors), values = state.find(known_values);
  known_ = vectors == state.end() || values == state.end() ? KnownSpectrum{} : KnownSpectrum{vectors->second, values->second};
}

}  // namespace edgesweep
