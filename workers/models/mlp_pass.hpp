#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "workers/models/mlp.hpp"

// The passes that the MLP's functions share. Names as in mlp.hpp: a_l = s_l W_l h_{l−1} + b_l, h_l = φ(a_l).
namespace edgesweep {

/// What a forward pass leaves for the passes after it.
struct MlpPass {
  std::vector<at::Tensor> layer_inputs;    ///< for each layer l its input h_{l−1}, N × in; [0] is x
  std::vector<at::Tensor> preactivations;  ///< a_l of the hidden layers, N × out
  at::Tensor outputs;                      ///< a_L, N × C
};

MlpPass forward_pass(const Mlp& mlp, const at::Tensor& theta, const at::Tensor& inputs);

/// a_l from h_{l−1}, N × out.
at::Tensor apply_layer(const Mlp& mlp, const at::Tensor& theta, std::int64_t layer, const at::Tensor& input);

/// ∂/∂h_{l−1} from Δ = ∂/∂a_l: s_l Δ W_l, rows × in.
at::Tensor pull_back(const Mlp& mlp, const at::Tensor& theta, std::int64_t layer, const at::Tensor& delta);

}  // namespace edgesweep
