#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "engine/base/json.hpp"
#include "engine/spec/catalog.hpp"
#include "engine/spec/object_reader.hpp"
#include "workers/linalg/kernel_norm.hpp"
#include "workers/theory/stability_edges.hpp"

namespace edgesweep {

/// Canonical form of `measure.kernel_norm`, `measure.stability` and `measure.edges` of a linear experiment, as far as they
/// are there, put into `canonical`. Throws InputError.
void read_linear_constants(ObjectReader& reader, Json& canonical);

/// Their columns, in store order.
std::vector<Column> linear_constant_columns(const Json& measure);

/// What a kernel, a batch size and a learning rate determine without any step of SGD: the same in all records of a trial.
/// Trials of one process share what they have in common; values do not depend on which trial asks first.
class LinearConstants {
 public:
  /// `spectrum` must outlive this. Momentum and L2 from `optimizer`, what is asked for from a canonical `measure`.
  LinearConstants(const NtkSpectrum& spectrum, const Json& optimizer, const Json& measure);

  /// Values of linear_constant_columns.
  const std::vector<double>& at(std::int64_t batch, double eta);

 private:
  const StabilityEdges& edges(std::int64_t batch);

  const NtkSpectrum& spectrum_;
  KernelNormSettings sgd_;
  Json measure_;
  std::map<std::int64_t, StabilityEdges> edges_;
  std::map<std::pair<std::int64_t, double>, std::vector<double>> values_;
};

}  // namespace edgesweep
