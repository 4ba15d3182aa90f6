#include "workers/training/schedule.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "engine/base/error.hpp"

namespace edgesweep {
namespace {

const double unknown = std::nan("");

Json canonical(const Json& given) { return canonical_schedule(ObjectReader(given, "s.json", "experiment.schedule")); }

std::string error_of(const Json& given) {
  try {
    canonical(given);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

Schedule schedule(const Json& given, double eta = 0.5, TrialLength length = {100, 10}) {
  const Json once = canonical(given);
  EXPECT_EQ(canonical(once), once);
  return make_schedule(once, eta, length);
}

TEST(Schedule, IsConstantUnlessGiven) {
  const Schedule constant = schedule(Json::object());
  EXPECT_EQ(constant(0, unknown), 0.5);
  EXPECT_EQ(constant(99, 1e9), 0.5);
}

TEST(Schedule, StepDropsAtTheGivenSteps) {
  const Schedule step = schedule({{"name", "step"}, {"at", {10, 20}}, {"factor", 0.5}});
  EXPECT_EQ(step(9, unknown), 0.5);
  EXPECT_EQ(step(10, unknown), 0.25);
  EXPECT_EQ(step(19, unknown), 0.25);
  EXPECT_EQ(step(20, unknown), 0.125);
}

TEST(Schedule, CosineGoesFromEtaToZero) {
  const Schedule cosine = schedule({{"name", "cosine"}});
  EXPECT_EQ(cosine(0, unknown), 0.5);
  EXPECT_NEAR(cosine(50, unknown), 0.25, 1e-15);
  EXPECT_NEAR(cosine(100, unknown), 0, 1e-15);
}

TEST(Schedule, WarmsUpLinearlyBeforeTheCosine) {
  for (const Json& warmup : {Json{{"warmup_steps", 20}}, Json{{"warmup_epochs", 2.0}}}) {
    Json given = warmup;
    given["name"] = "warmup_cosine";
    const Schedule warm = schedule(given);
    EXPECT_DOUBLE_EQ(warm(0, unknown), 0.5 / 20);
    EXPECT_DOUBLE_EQ(warm(19, unknown), 0.5);
    EXPECT_DOUBLE_EQ(warm(20, unknown), 0.5);
    EXPECT_NEAR(warm(60, unknown), 0.25, 1e-15);
    EXPECT_NEAR(warm(100, unknown), 0, 1e-15);
  }
}

TEST(Schedule, FollowsLambdaMaxBelowEta) {
  const Json given = {{"name", "inverse_lambda_max"}, {"c", 1.5}};
  EXPECT_TRUE(follows_lambda_max(canonical(given)));
  EXPECT_FALSE(follows_lambda_max(canonical(Json::object())));
  const Schedule inverse = schedule(given);
  EXPECT_EQ(inverse(3, unknown), 0.5);
  EXPECT_EQ(inverse(3, -2), 0.5);
  EXPECT_EQ(inverse(3, 1), 0.5);
  EXPECT_EQ(inverse(3, 30), 0.05);
}

TEST(Schedule, RefusesWhatIsMissingOrImpossible) {
  using ::testing::HasSubstr;
  EXPECT_THAT(error_of({{"name", "stairs"}}), HasSubstr("inverse_lambda_max"));
  EXPECT_THAT(error_of({{"name", "step"}, {"factor", 0.5}}), HasSubstr("experiment.schedule.at"));
  EXPECT_THAT(error_of({{"name", "step"}, {"at", {20, 10}}, {"factor", 0.5}}), HasSubstr("must increase"));
  EXPECT_THAT(error_of({{"name", "warmup_cosine"}}), HasSubstr("warmup_steps and warmup_epochs"));
  EXPECT_THAT(error_of({{"name", "cosine"}, {"at", {1}}}), HasSubstr("experiment.schedule.at"));
}

}  // namespace
}  // namespace edgesweep
