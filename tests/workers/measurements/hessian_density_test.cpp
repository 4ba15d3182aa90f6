// Stochastic Lanczos quadrature on a small network against powers of its dense Hessian.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <span>
#include <vector>

#include "engine/base/error.hpp"
#include "tests/workers/measurements/cases.hpp"
#include "workers/data/philox.hpp"
#include "workers/data/selection.hpp"
#include "workers/measurements/monte_carlo.hpp"

namespace edgesweep {
namespace {

using namespace testing;

struct Density {
  double trace, trace_sem;
  std::vector<double> nodes, weights;

  /// Of the nodes from `first` on, whose weights sum to `share`.
  double moment(int power, std::size_t first, std::size_t count, double share) const {
    double sum = 0;
    for (std::size_t k = first; k < first + count; ++k) sum += weights[k] * std::pow(nodes[k], power);
    return sum / share;
  }
};

Density density(const Case& test, Json settings) {
  settings["precision"] = "float64";
  const std::size_t nodes = settings.at("steps").get<std::size_t>() * settings.at("probes").get<std::size_t>();
  const auto out = measure(*make("hessian_density", settings), test, 2 + 2 * nodes);
  const auto at = [&](std::size_t k) { return out.begin() + static_cast<std::ptrdiff_t>(k); };
  return {out[0], out[1], {at(2), at(2 + nodes)}, {at(2 + nodes), out.end()}};
}

at::Tensor hessian_of_all(const Case& test) {
  return dense_hessian(test, test.data.train.inputs.to(at::kDouble), test.data.train.targets.to(at::kDouble));
}

TEST(HessianDensity, HasTheMomentsOfItsProbesExactly) {
  const Case test = small_case(2);
  const at::Tensor h = hessian_of_all(test);
  const double norm = at::linalg_eigvalsh(h).abs().max().item<double>();
  const Density found = density(test, {{"steps", 6}, {"probes", 3}});
  EXPECT_NEAR(std::accumulate(found.weights.begin(), found.weights.end(), 0.0), 1, 1e-12);
  for (std::size_t probe = 0; probe < 3; ++probe) {
    RandomStream stream(42, RandomUse::density_probe, probe);
    at::Tensor v = at::empty({h.size(0)}, at::kDouble);
    for (std::int64_t i = 0; i < v.size(0); ++i) v[i] = static_cast<float>(stream.normal());
    v = v / v.norm();
    at::Tensor power = v;
    for (int k = 0; k <= 11; ++k, power = h.mv(power)) {
      const double exact = v.dot(power).item<double>();
      EXPECT_NEAR(found.moment(k, 6 * probe, 6, 1.0 / 3), exact, 1e-6 * std::pow(norm, k)) << probe << ", power " << k;
    }
  }
}

TEST(HessianDensity, HasTheTracesOfThePowersWithinFourStandardErrors) {
  const Case test = small_case(2);
  const at::Tensor h = hessian_of_all(test);
  const Density found = density(test, {{"steps", 4}, {"probes", 400}});
  const auto size = static_cast<double>(h.size(0));
  at::Tensor power = h;
  for (int k = 1; k <= 7; ++k, power = power.mm(h)) {
    RunningMean mean;
    for (std::size_t probe = 0; probe < 400; ++probe) mean.add(found.moment(k, 4 * probe, 4, 1.0 / 400));
    EXPECT_NEAR(mean.mean(), power.trace().item<double>() / size, 4 * mean.standard_error()) << "power " << k;
    EXPECT_LT(mean.standard_error(), 0.2 * std::abs(mean.mean()));
  }
  EXPECT_NEAR(found.trace, h.trace().item<double>(), 4 * found.trace_sem);
  // v uniform on the sphere: Var(P vᵀHv) = 2 (P ‖H‖_F² − (tr H)²) / (P + 2).
  const double trace = h.trace().item<double>();
  const double variance = 2 * (size * h.square().sum().item<double>() - trace * trace) / (size + 2);
  EXPECT_NEAR(found.trace_sem, std::sqrt(variance / 400), 0.2 * found.trace_sem);
}

TEST(HessianDensity, OfMoreStepsThanParametersIsTheWholeSpectrum) {
  const Case test = small_case(1);
  const at::Tensor values = at::linalg_eigvalsh(hessian_of_all(test));
  const auto size = static_cast<std::size_t>(values.size(0));
  const Density found = density(test, {{"steps", 60}, {"probes", 2}});
  ASSERT_LT(size, 60u);
  for (std::size_t probe = 0; probe < 2; ++probe) {
    double sum = 0;
    for (std::size_t k = 0; k < 60; ++k) {
      const std::size_t at = 60 * probe + k;
      sum += found.weights[at];
      if (k >= size) {
        EXPECT_EQ(found.weights[at], 0);
        EXPECT_EQ(found.nodes[at], found.nodes[60 * probe + size - 1]);
      } else {
        EXPECT_NEAR(found.nodes[at], values[static_cast<std::int64_t>(k)].item<double>(), 1e-8);
      }
    }
    EXPECT_NEAR(sum, 0.5, 1e-12);
  }
}

TEST(HessianDensity, IsTheSameOnEveryRunAndNearlySoInFloat32) {
  const Case test = small_case(2);
  const Json settings = {{"steps", 5}, {"probes", 2}};
  const auto first = measure(*make("hessian_density", settings), test, 22);
  EXPECT_EQ(measure(*make("hessian_density", settings), test, 22), first);
  const Density wide = density(test, settings);
  for (std::size_t k = 0; k < 10; ++k) {
    EXPECT_NEAR(first[2 + k], wide.nodes[k], 1e-4);
    EXPECT_NEAR(first[12 + k], wide.weights[k], 1e-4);
  }
}

TEST(HessianDensity, MayBeOfAPartOfTheTrainingSet) {
  const Case test = small_case(2);
  const Json chosen = {{"count", 5}, {"seed", 9}};
  for (const Json& part : {Json(5), chosen}) {
    const at::Tensor rows = at::tensor(selected_rows(part, 12), at::kLong);
    const at::Tensor h = dense_hessian(test, test.data.train.inputs.to(at::kDouble).index_select(0, rows),
                                       test.data.train.targets.to(at::kDouble).index_select(0, rows));
    const Density found = density(test, {{"steps", 60}, {"probes", 1}, {"examples", part}});
    EXPECT_NEAR(found.nodes.back(), at::linalg_eigvalsh(h).max().item<double>(), 1e-9) << part;
    const auto top = measure(*make("hessian", {{"tolerance", 1e-9}, {"precision", "float64"}, {"examples", part}}), test, 3);
    EXPECT_NEAR(top[0], found.nodes.back(), 1e-8);
  }
}

TEST(HessianDensity, OfParametersThatAreNotFiniteIsNaN) {
  Case test = small_case(1);
  test.theta = at::full_like(test.theta, std::nan(""));
  const Density found = density(test, {{"steps", 3}, {"probes", 1}});
  EXPECT_TRUE(std::isnan(found.trace));
  for (const double node : found.nodes) EXPECT_TRUE(std::isnan(node));
}

TEST(HessianDensity, DeclaresItsColumnsAndRefusesImpossibleSettings) {
  const MeasurementFamily& family = measurement_family("hessian_density");
  const auto columns = family.columns(canonical("hessian_density", {{"steps", 7}, {"probes", 3}}), Json::object());
  ASSERT_EQ(columns.size(), 4u);
  EXPECT_EQ(columns[1].width, 1);
  EXPECT_EQ(columns[2].width, 21);
  EXPECT_EQ(columns[3].dimension, "hessian_density_node");
  EXPECT_EQ(family.columns(canonical("hessian_density", {{"steps", 1}}), Json::object())[2].dimension, "");
  EXPECT_THROW(canonical("hessian_density", {{"steps", 0}}), InputError);
  EXPECT_THROW(canonical("hessian_density", {{"probes", 0}}), InputError);
  EXPECT_THROW(canonical("hessian_density", {{"examples", 2501}}), InputError);
  EXPECT_THROW(canonical("hessian_density", {{"examples", {{"count", 5}}}}), InputError);
}

}  // namespace
}  // namespace edgesweep
