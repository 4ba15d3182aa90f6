#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "engine/base/error.hpp"
#include "workers/data/dataset.hpp"

// Data sets that need no files: linear_map and chebyshev.
namespace edgesweep {
namespace {

Json canonical(const Json& given) {
  const Json once = dataset_family(given.at("name").get<std::string>()).canonical(ObjectReader(given, "s.json", "dataset"));
  EXPECT_EQ(dataset_family(once.at("name").get<std::string>()).canonical(ObjectReader(once, "s.json", "dataset")), once);
  return once;
}

Examples train_of(const Json& given) {
  const DatasetFamily& family = dataset_family(given.at("name").get<std::string>());
  const Json settings = canonical(given);
  const TrainTest data = family.load(settings, "");
  EXPECT_EQ(data.test.count(), 0);
  EXPECT_EQ(data.train.count(), family.train_count(settings));
  EXPECT_EQ(data.train.inputs.size(1), family.input_shape(settings).at(0));
  EXPECT_EQ(data.train.targets.size(1), family.outputs(settings));
  return data.train;
}

at::Tensor product(const at::Tensor& a, const at::Tensor& b) { return at::mm(a.to(at::kDouble), b.to(at::kDouble)); }

TEST(LinearMap, HasWhitenedInputsAndTargetsOfOneMap) {
  const Examples train = train_of({{"name", "linear_map"}});
  ASSERT_EQ(train.count(), 50);
  const at::Tensor& x = train.inputs;
  // float32 entries of about 1, sums of 50.
  EXPECT_LT((product(x.t(), x) / 50 - at::eye(50, at::kDouble)).abs().max().item<double>(), 1e-6);
  EXPECT_LT((product(x, x.t()) / 50 - at::eye(50, at::kDouble)).abs().max().item<double>(), 1e-6);
  // A = YᵀX/n of N(0, 1): 2500 entries, 4 standard errors of mean and variance.
  const at::Tensor map = product(train.targets.t(), x) / 50;
  EXPECT_LT(std::abs(map.mean().item<double>()), 4.0 / 50);
  EXPECT_LT(std::abs(map.var().item<double>() - 1), 4 * std::sqrt(2.0) / 50);
  EXPECT_LT((product(x, map.t()) - train.targets).abs().max().item<double>(), 1e-4);
}

TEST(LinearMap, DependsOnItsSeedAlone) {
  const Json first = {{"name", "linear_map"}, {"size", 7}, {"seed", 1}};
  EXPECT_TRUE(at::equal(train_of(first).inputs, train_of(first).inputs));
  EXPECT_TRUE(at::equal(train_of(first).targets, train_of(first).targets));
  EXPECT_FALSE(at::equal(train_of(first).inputs, train_of({{"name", "linear_map"}, {"size", 7}}).inputs));
  EXPECT_THROW(canonical({{"name", "linear_map"}, {"size", 0}}), InputError);
}

TEST(Chebyshev, IsThePolynomialAtEvenlySpacedPoints) {
  for (const std::int64_t degree : {0, 3, 4, 5}) {
    const Examples train = train_of({{"name", "chebyshev"}, {"degree", degree}});
    ASSERT_EQ(train.count(), 20);
    const at::Tensor x = at::linspace(-1, 1, 20, at::kDouble);
    EXPECT_LT((train.inputs.squeeze(1) - x).abs().max().item<double>(), 1e-7);
    at::Tensor before = at::ones_like(x), now = x;  // T_0, T_1 and T_{k+1} = 2x T_k − T_{k−1}
    for (std::int64_t k = 0; k < degree; ++k) {
      const at::Tensor next = 2 * x * now - before;
      before = now;
      now = next;
    }
    EXPECT_LT((train.targets.squeeze(1) - before).abs().max().item<double>(), 1e-6) << degree;
  }
}

TEST(Chebyshev, RefusesWhatIsImpossible) {
  EXPECT_EQ(canonical({{"name", "chebyshev"}}), Json::parse(R"({"name": "chebyshev", "degree": 3, "points": 20})"));
  EXPECT_THROW(canonical({{"name", "chebyshev"}, {"degree", -1}}), InputError);
  EXPECT_THROW(canonical({{"name", "chebyshev"}, {"points", 1}}), InputError);
  EXPECT_THROW(canonical({{"name", "chebyshev"}, {"train", 10}}), InputError);
}

}  // namespace
}  // namespace edgesweep
