#pragma once

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <string>
#include <vector>

#include "workers/models/mlp.hpp"

// Small networks and data, and the derivatives that LibTorch's autograd finds for them: the independent
// reference.
namespace edgesweep::testing {

inline std::string describe(const Mlp::Settings& s) {
  std::string text = activation_names()[static_cast<std::size_t>(s.activation)] + " " + s.init;
  for (const auto size : s.sizes) text.append("-").append(std::to_string(size));
  return text + (s.bias ? " bias" : "");
}

/// Every activation with depth 1 to 4, 1 and 3 outputs, with and without biases; half in the NTK
/// parameterisation.
inline std::vector<Mlp::Settings> small_networks() {
  std::vector<Mlp::Settings> result;
  for (std::size_t k = 0; k < activation_names().size(); ++k) {
    for (int depth = 1; depth <= 4; ++depth) {
      for (const std::int64_t outputs : {1, 3}) {
        for (const bool bias : {false, true}) {
          Mlp::Settings s;
          s.sizes = {19};
          for (int l = 1; l < depth; ++l) s.sizes.push_back(15 + 3 * l);  // both sides of the vector width
          s.sizes.push_back(outputs);
          s.activation = static_cast<Activation>(k);
          s.bias = bias;
          s.init = (depth + outputs / 2) % 2 == 0 ? "ntk" : "lecun";
          result.push_back(s);
        }
      }
    }
  }
  return result;
}

/// Repeatable normal numbers, float64.
inline at::Tensor normal(std::vector<std::int64_t> shape, std::uint64_t seed) {
  at::manual_seed(seed);
  return at::randn(shape, at::kDouble);
}

/// Parameters with biases that are not zero.
inline at::Tensor parameters_of(const Mlp& mlp) {
  return mlp.initial_parameters(7).to(at::kDouble) + 0.1 * normal({mlp.parameter_count()}, 8);
}

inline at::Tensor tracked(const at::Tensor& theta) {
  return theta.detach().clone().requires_grad_(true);
}

inline at::Tensor mse(const Mlp& mlp, const at::Tensor& theta, const at::Tensor& x, const at::Tensor& y) {
  return (mlp.forward(theta, x) - y).square().sum() / (2.0 * static_cast<double>(x.size(0)));
}

inline at::Tensor autograd_gradient(const Mlp& mlp, const at::Tensor& theta, const at::Tensor& x,
                                    const at::Tensor& y) {
  const at::Tensor t = tracked(theta);
  return torch::autograd::grad({mse(mlp, t, x, y)}, {t})[0];
}

inline at::Tensor autograd_hessian_vector(const Mlp& mlp, const at::Tensor& theta, const at::Tensor& x,
                                          const at::Tensor& y, const at::Tensor& v) {
  const at::Tensor t = tracked(theta);
  const at::Tensor g = torch::autograd::grad({mse(mlp, t, x, y)}, {t}, {}, true, true)[0];
  return torch::autograd::grad({g.dot(v)}, {t})[0];
}

/// (N·C) × P, an example's outputs adjacent.
inline at::Tensor autograd_jacobian(const Mlp& mlp, const at::Tensor& theta, const at::Tensor& x) {
  const at::Tensor t = tracked(theta);
  const at::Tensor f = mlp.forward(t, x).flatten();
  std::vector<at::Tensor> rows;
  for (std::int64_t i = 0; i < f.size(0); ++i)
    rows.push_back(torch::autograd::grad({f[i]}, {t}, {}, true)[0]);
  return at::stack(rows);
}

/// ‖a − b‖ / ‖b‖, 0 if both are zero.
inline double relative_error(const at::Tensor& a, const at::Tensor& b) {
  const double difference = (a.to(at::kDouble) - b.to(at::kDouble)).norm().item<double>();
  const double size = b.to(at::kDouble).norm().item<double>();
  return difference == 0 ? 0 : difference / size;
}

inline bool same_bits(const at::Tensor& a, const at::Tensor& b) {
  return at::equal(a, b);
}

}  // namespace edgesweep::testing
