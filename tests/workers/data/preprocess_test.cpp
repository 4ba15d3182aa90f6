#include "workers/data/preprocess.hpp"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/base/error.hpp"
#include "workers/data/philox.hpp"

namespace edgesweep {
namespace {

using ::testing::HasSubstr;

/// Correlated features of uneven scale; the last one is constant.
at::Tensor made_up_inputs(std::int64_t rows, std::uint64_t key) {
  RandomStream stream(key, RandomUse::subset);
  at::Tensor x = at::empty({rows, 6}, at::kFloat);
  auto* out = x.data_ptr<float>();
  for (std::int64_t i = 0; i < rows; ++i) {
    const double common = stream.normal();
    for (int k = 0; k < 5; ++k) *out++ = static_cast<float>(0.3 * common + (k + 1) * 0.1 * stream.normal() + k);
    *out++ = 0.7F;
  }
  return x;
}

at::Tensor covariance(const at::Tensor& x) {
  const at::Tensor centred = x.to(at::kDouble) - x.to(at::kDouble).mean(0);
  return at::mm(centred.t(), centred) / static_cast<double>(x.size(0));
}

double largest(const at::Tensor& x) { return x.abs().max().item<double>(); }

TEST(Preprocess, NoneChangesNothing) {
  at::Tensor train = made_up_inputs(50, 1);
  at::Tensor test = made_up_inputs(5, 2);
  const at::Tensor before = train.clone();
  apply_preprocess({"none", 0.1}, 1, train, test);
  EXPECT_TRUE(at::equal(train, before));
}

TEST(Preprocess, StandardizeGivesMeanZeroAndDeviationOne) {
  at::Tensor train = made_up_inputs(5000, 1);
  at::Tensor test = made_up_inputs(7, 2);
  test.select(1, 5).fill_(3.0);
  const at::Tensor raw = train.to(at::kDouble);
  const at::Tensor raw_test = test.to(at::kDouble);
  apply_preprocess({"standardize", 0.1}, 1, train, test);
  // Float32 rounding of values of order 1.
  EXPECT_LT(largest(train.to(at::kDouble).mean(0)), 1e-7);
  EXPECT_LT(largest(at::diag(covariance(train)).narrow(0, 0, 5) - 1), 1e-6);
  EXPECT_EQ(largest(train.select(1, 5)), 0.0);
  EXPECT_EQ(largest(test.select(1, 5)), 0.0);
  // The test set is scaled by what was fitted on the training set.
  const double expected = ((raw_test[3][2] - raw.select(1, 2).mean()) / raw.select(1, 2).std(false)).item<double>();
  EXPECT_NEAR(test[3][2].item<double>(), expected, 1e-6);
}

// With covariance C = U diag(λ) Uᵀ and W = (C + r mean(λ))^(−1/2), the whitened covariance is C (C + r mean(λ))^(−1):
// times C + r mean(λ) it is C again.
TEST(Preprocess, ZcaGivesTheRegularisedWhiteCovariance) {
  for (const double regularization : {0.1, 1e-6}) {
    at::Tensor train = made_up_inputs(5000, 1);
    at::Tensor test = made_up_inputs(7, 2);
    const at::Tensor before = covariance(train);
    const at::Tensor shifted = before + regularization * before.trace() / 6.0 * at::eye(6, at::kDouble);
    apply_preprocess({"zca", regularization}, 1, train, test);
    EXPECT_LT(largest(at::mm(covariance(train), shifted) - before), 1e-6 * largest(before));
    EXPECT_LT(largest(train.to(at::kDouble).mean(0)), 1e-6);
    EXPECT_EQ(test.sizes(), (at::IntArrayRef{7, 6}));
  }
}

// ZCA is the symmetric whitening: inputs stay correlated with themselves, features do not rotate.
TEST(Preprocess, ZcaUsesTheSymmetricRoot) {
  at::Tensor train = made_up_inputs(5000, 1);
  at::Tensor test = train.clone();
  const at::Tensor raw = train.to(at::kDouble);
  apply_preprocess({"zca", 0.1}, 1, train, test);
  EXPECT_TRUE(at::equal(train, test));
  const at::Tensor cross =
      at::mm((raw - raw.mean(0)).t(), train.to(at::kDouble)) / static_cast<double>(train.size(0));
  EXPECT_LT(largest(cross - cross.t()), 1e-6);
  EXPECT_GT(at::diag(cross).narrow(0, 0, 5).min().item<double>(), 0.0);
}

TEST(Preprocess, ZcaIsTheSameBitForBitEachTime) {
  at::Tensor first = made_up_inputs(300, 1);
  at::Tensor second = first.clone();
  at::Tensor test = made_up_inputs(3, 2);
  at::Tensor same_test = test.clone();
  apply_preprocess({"zca", 0.1}, 1, first, test);
  apply_preprocess({"zca", 0.1}, 1, second, same_test);
  EXPECT_TRUE(at::equal(first, second));
  EXPECT_TRUE(at::equal(test, same_test));
}

/// Of channels × features: mean and deviation of each channel, by sums over all of it at once.
std::pair<at::Tensor, at::Tensor> channel_statistics(const at::Tensor& raw, std::int64_t channels) {
  const at::Tensor by_channel = raw.reshape({raw.size(0), channels, -1}).transpose(0, 1).reshape({channels, -1});
  return {by_channel.mean(1), by_channel.std(1, false)};
}

TEST(Preprocess, StandardizeChannelsHasOneMeanAndDeviationAChannel) {
  at::Tensor train = made_up_inputs(5000, 1);  // features 0, 1, 2 are one channel, 3, 4, 5 the other
  at::Tensor test = made_up_inputs(7, 2);
  const at::Tensor raw = train.to(at::kDouble), raw_test = test.to(at::kDouble);
  const auto [mean, deviation] = channel_statistics(raw, 2);
  apply_preprocess({"standardize_channels"}, 2, train, test);
  for (const std::int64_t feature : {0, 2, 3, 5}) {
    const std::int64_t channel = feature / 3;
    EXPECT_LT(largest(train.select(1, feature) - (raw.select(1, feature) - mean[channel]) / deviation[channel]), 1e-6);
    EXPECT_LT(largest(test.select(1, feature) - (raw_test.select(1, feature) - mean[channel]) / deviation[channel]), 1e-6);
  }
  const auto [new_mean, new_deviation] = channel_statistics(train.to(at::kDouble), 2);
  EXPECT_LT(largest(new_mean), 1e-7);
  EXPECT_LT(largest(new_deviation - 1), 1e-6);
}

TEST(Preprocess, StandardizeChannelsMakesAConstantChannelZero) {
  at::Tensor train = made_up_inputs(9, 1);
  at::Tensor test = made_up_inputs(2, 2);
  apply_preprocess({"standardize_channels"}, 6, train, test);
  EXPECT_EQ(largest(train.select(1, 5)), 0.0);
  EXPECT_GT(largest(train.select(1, 4)), 0.0);
}

TEST(Preprocess, StandardizeChannelsTakesGivenNumbers) {
  at::Tensor train = made_up_inputs(30, 1);
  at::Tensor test = made_up_inputs(7, 2);
  const at::Tensor raw = train.to(at::kDouble);
  Preprocess preprocess{"standardize_channels"};
  preprocess.mean = {0.5, -1.0};
  preprocess.std = {0.25, 4.0};
  apply_preprocess(preprocess, 2, train, test);
  EXPECT_LT(largest(train.narrow(1, 0, 3) - (raw.narrow(1, 0, 3) - 0.5) / 0.25), 1e-6);
  EXPECT_LT(largest(train.narrow(1, 3, 3) - (raw.narrow(1, 3, 3) + 1) / 4), 1e-6);
}

TEST(Preprocess, CanBeFittedOnOtherRowsThanTheTrainingSet) {
  const at::Tensor all = made_up_inputs(5000, 1);
  for (const char* name : {"standardize", "standardize_channels", "zca"}) {
    at::Tensor whole = all.clone(), part = all.narrow(0, 10, 20).clone(), test = made_up_inputs(3, 2);
    at::Tensor same_test = test.clone();
    apply_preprocess({name}, 2, whole, test);
    apply_preprocess({name}, 2, blocks_of(all), part, same_test);
    // Products of matrices of other sizes may round differently.
    EXPECT_LT(largest(part - whole.narrow(0, 10, 20)), 1e-6) << name;
    EXPECT_LT(largest(same_test - test), 1e-6) << name;
  }
}

Json canonical(const Json& settings) {
  ObjectReader reader(settings, "sweep.json", "experiment.dataset");
  Json result;
  read_preprocess(reader, 3, result);
  reader.finish();
  return result;
}

std::string error_of(const Json& settings) {
  try {
    canonical(settings);
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

// Canonical forms are part of trial keys: those of before these options existed must stay.
TEST(Preprocess, WritesOptionsOnlyWhereTheyAreUsed) {
  EXPECT_EQ(canonical(Json::object()).dump(), R"({"preprocess":"none"})");
  EXPECT_EQ(canonical({{"preprocess", "standardize"}}).dump(), R"({"preprocess":"standardize"})");
  EXPECT_EQ(canonical({{"preprocess", "standardize"}, {"fit", "train"}}).dump(), R"({"preprocess":"standardize"})");
  EXPECT_EQ(canonical({{"preprocess", "zca"}}).dump(), R"({"preprocess":"zca","regularization":0.1})");
  for (const char* text : {R"({"preprocess": "standardize", "fit": "all"})", R"({"preprocess": "standardize_channels"})",
                           R"({"preprocess": "standardize_channels", "mean": [0.4914, 0.4822, 0.4465],
                               "std": [0.2023, 0.1994, 0.201]})"}) {
    EXPECT_EQ(canonical(Json::parse(text)), Json::parse(text));
  }
  EXPECT_EQ(canonical({{"preprocess", "standardize_channels"}, {"mean", {0, 1, 2}}, {"std", {1, 2, 3}}}).at("mean").dump(),
            "[0.0,1.0,2.0]");
}

TEST(Preprocess, NamesThePathOfAnImpossibleOption) {
  const Json by_channel = {{"preprocess", "standardize_channels"}, {"mean", {0, 1, 2}}, {"std", {1, 2, 3}}};
  const auto with = [](Json settings, const char* key, const Json& value) {
    settings[key] = value;
    return settings;
  };
  EXPECT_THAT(error_of(with(by_channel, "mean", {1, 2})), HasSubstr("experiment.dataset.mean: has 2 numbers; must have 3"));
  EXPECT_THAT(error_of(with(by_channel, "std", {1, 0, 1})), HasSubstr("experiment.dataset.std[1]: is 0; must be a number > 0"));
  EXPECT_THAT(error_of({{"preprocess", "standardize_channels"}, {"mean", {0, 1, 2}}}), HasSubstr("experiment.dataset.std"));
  EXPECT_THAT(error_of(with(by_channel, "preprocess", "zca")), HasSubstr("mean: belongs to \"preprocess\": \"standardize_channels\""));
  EXPECT_THAT(error_of(with(by_channel, "fit", "all")), HasSubstr("experiment.dataset.fit: has no meaning"));
  EXPECT_THAT(error_of({{"fit", "all"}}), HasSubstr("which is \"none\" here"));
  EXPECT_THAT(error_of({{"preprocess", "zca"}, {"fit", "test"}}), HasSubstr("must be one of train, all"));
}

TEST(Preprocess, ASingleExampleBecomesZero) {
  for (const char* name : {"standardize", "zca"}) {
    at::Tensor train = made_up_inputs(1, 1);
    at::Tensor test = made_up_inputs(2, 2);
    apply_preprocess({name, 0.1}, 1, train, test);
    EXPECT_EQ(largest(train), 0.0) << name;
    EXPECT_TRUE(at::isfinite(test).all().item<bool>()) << name;
  }
}

}  // namespace
}  // namespace edgesweep
