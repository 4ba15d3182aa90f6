#pragma once

#include <ATen/ATen.h>

#include <memory>
#include <string>
#include <vector>

#include "workers/models/model.hpp"

// Models by their part of a sweep file, with random parameters and data.
namespace edgesweep::testing {

struct Small {
  const char* model;  ///< as in a sweep file
  std::vector<std::int64_t> input_shape;
  std::int64_t outputs;
};

inline std::unique_ptr<Model> make_model(const Small& small) {
  const Json json = Json::parse(small.model);
  const ModelFamily& family = model_family(json.at("name"));
  return family.make(family.canonical(ObjectReader(json, "sweep.json", "experiment.model")), small.input_shape,
                     small.outputs);
}

inline at::Tensor random_inputs(const Small& small, std::int64_t count, std::uint64_t seed) {
  std::int64_t features = 1;
  for (const std::int64_t size : small.input_shape) features *= size;
  at::manual_seed(seed);
  return at::randn({count, features}, at::kDouble);
}

/// Targets that suit the loss: any, one-hot or ±1.
inline at::Tensor random_targets(Loss loss, std::int64_t count, std::int64_t outputs, std::uint64_t seed) {
  at::manual_seed(seed);
  if (loss == Loss::cross_entropy) {
    return at::zeros({count, outputs}, at::kDouble).scatter_(1, at::randint(outputs, {count, 1}, at::kLong), 1);
  }
  const at::Tensor y = at::randn({count, outputs}, at::kDouble);
  return loss == Loss::logistic ? y.sign() : y;
}

/// θ where nothing is 0, neither biases nor norms' γ.
inline at::Tensor random_parameters(const Model& model, std::uint64_t seed) {
  const at::Tensor start = model.initial_parameters(7).to(at::kDouble);
  at::manual_seed(seed);
  return start + 0.1 * at::randn(start.sizes(), at::kDouble);
}

inline std::vector<Loss> losses_for(const Small& small) {
  std::vector<Loss> losses{Loss::mse, Loss::mse_sum, Loss::logistic};
  if (small.outputs > 1) losses.push_back(Loss::cross_entropy);
  return losses;
}

}  // namespace edgesweep::testing
