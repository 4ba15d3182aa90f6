#include "workers/models/activation.hpp"

#include <gtest/gtest.h>

#include "engine/base/error.hpp"
#include "tests/workers/models/networks.hpp"
#include "workers/models/float_kernels.hpp"

namespace edgesweep {
namespace {

using testing::tracked;

std::vector<Activation> all_activations() {
  std::vector<Activation> result;
  for (const std::string& name : activation_names()) result.push_back(activation_named(name));
  return result;
}

TEST(Activation, NamesFollowTheEnum) {
  EXPECT_EQ(activation_named("erf"), Activation::erf);
  EXPECT_EQ(activation_named("softplus"), Activation::softplus);
  EXPECT_EQ(activation_names().at(static_cast<std::size_t>(Activation::linear)), "linear");
  EXPECT_EQ(activation_named("hardtanh"), Activation::hardtanh);
  EXPECT_THROW(activation_named("swish"), InputError);
}

TEST(Activation, DerivativesAgreeWithAutograd) {
  const at::Tensor a =
      at::cat({at::linspace(-50, 50, 101, at::kDouble), at::linspace(-3, 3, 101, at::kDouble)});
  for (const Activation activation : all_activations()) {
    SCOPED_TRACE(activation_names()[static_cast<std::size_t>(activation)]);
    const at::Tensor t = tracked(a);
    // Adding 0 · t² gives the piecewise linear ones a second derivative too.
    const at::Tensor h = activate(activation, t) + 0 * t * t;
    const at::Tensor slope = torch::autograd::grad({h.sum()}, {t}, {}, true, true)[0];
    const at::Tensor bend = torch::autograd::grad({slope.sum()}, {t})[0];
    EXPECT_LT((activation_derivative(activation, a) - slope.detach()).abs().max().item<double>(), 1e-14);
    EXPECT_LT((activation_second_derivative(activation, a) - bend).abs().max().item<double>(), 1e-13);
  }
}

TEST(Activation, FastKernelsAgreeWithDoublePrecision) {
  const std::int64_t rows = 3, columns = 1003;
  const at::Tensor bias = at::linspace(-0.5, 0.5, columns, at::kFloat);
  const at::Tensor a = at::linspace(-12, 12, rows * columns, at::kFloat).view({rows, columns});
  for (const Activation activation : all_activations()) {
    SCOPED_TRACE(activation_names()[static_cast<std::size_t>(activation)]);
    for (const bool with_bias : {false, true}) {
      at::Tensor slope = a.clone(), value = at::empty_like(a);
      activate_rows(activation, rows, columns, with_bias ? bias.data_ptr<float>() : nullptr,
                    slope.data_ptr<float>(), value.data_ptr<float>());
      const at::Tensor exact = (with_bias ? a + bias : a).to(at::kDouble);
      // A few float32 roundings, in units of the largest value near by.
      const at::Tensor scale = exact.abs().clamp_min(1);
      const at::Tensor value_error = (value - activate(activation, exact)).abs() / scale;
      EXPECT_LT(value_error.max().item<double>(), 4e-7);
      EXPECT_LT((slope - activation_derivative(activation, exact)).abs().max().item<double>(), 8e-7);
    }
  }
}

}  // namespace
}  // namespace edgesweep
