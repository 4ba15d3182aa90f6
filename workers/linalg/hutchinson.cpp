#include "workers/linalg/hutchinson.hpp"

#include <ATen/ATen.h>

#include "workers/data/philox.hpp"

namespace edgesweep {

double hutchinson_trace(SymmetricOperator& op, std::uint64_t random_key, std::int64_t probes,
                        const at::TensorOptions& options) {
  double sum = 0;
  for (std::int64_t probe = 0; probe < probes; ++probe) {
    RandomStream stream(random_key, RandomUse::trace_probe, static_cast<std::uint64_t>(probe));
    at::Tensor signs = at::empty({op.size()}, at::kFloat);
    float* values = signs.data_ptr<float>();
    for (std::int64_t i = 0; i < op.size(); ++i) values[i] = static_cast<float>(stream.sign());
    const at::Tensor u = signs.to(options);
    // The products are summed in double: they cancel for a Hessian that is not definite.
    sum += (u * op.apply(u)).sum(at::kDouble).item<double>();
  }
  return sum / static_cast<double>(probes);
}

}  // namespace edgesweep
