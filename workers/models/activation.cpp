#include "workers/models/activation.hpp"

#include <ATen/ATen.h>

#include <cmath>
#include <cstddef>
#include <numbers>

#include "engine/base/error.hpp"

namespace edgesweep {
namespace {

// Above it log(1 + e^a) − a is below float64's resolution of a.
constexpr double softplus_threshold = 40;

// φ' of erf and the normal density: the two Gaussians below.
const double two_over_root_pi = 2 * std::numbers::inv_sqrtpi;
const double one_over_root_two_pi = std::numbers::inv_sqrtpi / std::numbers::sqrt2;

at::Tensor normal_density(const at::Tensor& a) {
  return at::exp(a * a * -0.5) * one_over_root_two_pi;
}

at::Tensor normal_distribution(const at::Tensor& a) {
  return at::erfc(a * -std::sqrt(0.5)) * 0.5;
}

}  // namespace

const std::vector<std::string>& activation_names() {
  static const std::vector<std::string> names{"erf", "tanh", "relu", "gelu", "elu", "softplus", "linear", "hardtanh"};
  return names;
}

Activation activation_named(const std::string& name) {
  const auto& names = activation_names();
  std::string known;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name) return static_cast<Activation>(i);
    known += (i == 0 ? "" : ", ") + names[i];
  }
  throw InputError("activation", "found \"" + name + "\"; allowed are " + known);
}

at::Tensor activate(Activation activation, const at::Tensor& a) {
  switch (activation) {
    case Activation::erf:
      return at::erf(a);
    case Activation::tanh:
      return at::tanh(a);
    case Activation::relu:
      return at::relu(a);
    case Activation::gelu:
      return at::gelu(a);
    case Activation::elu:
      return at::elu(a);
    case Activation::softplus:
      return at::softplus(a, 1, softplus_threshold);
    case Activation::hardtanh:
      return at::hardtanh(a);
    case Activation::linear:
      break;
  }
  return a;
}

at::Tensor activation_derivative(Activation activation, const at::Tensor& a) {
  switch (activation) {
    case Activation::erf:
      return at::exp(-(a * a)) * two_over_root_pi;
    case Activation::tanh:
      return 1 - at::square(at::tanh(a));
    case Activation::relu:
      return (a > 0).to(a.scalar_type());
    case Activation::gelu:
      return normal_distribution(a) + a * normal_density(a);
    case Activation::elu:
      return at::exp(at::clamp_max(a, 0));
    case Activation::softplus:
      return at::sigmoid(a);
    case Activation::hardtanh:
      return (at::abs(a) < 1).to(a.scalar_type());
    case Activation::linear:
      break;
  }
  return at::ones_like(a);
}

at::Tensor activation_second_derivative(Activation activation, const at::Tensor& a) {
  switch (activation) {
    case Activation::erf:
      return a * at::exp(-(a * a)) * (-2 * two_over_root_pi);
    case Activation::tanh: {
      const at::Tensor t = at::tanh(a);
      return t * (1 - t * t) * -2;
    }
    case Activation::gelu:
      return normal_density(a) * (2 - a * a);
    case Activation::elu:
      return at::where(a < 0, at::exp(a), at::zeros_like(a));
    case Activation::softplus: {
      const at::Tensor s = at::sigmoid(a);
      return s * (1 - s);
    }
    case Activation::relu:
    case Activation::hardtanh:
    case Activation::linear:
      break;
  }
  return at::zeros_like(a);
}

}  // namespace edgesweep
