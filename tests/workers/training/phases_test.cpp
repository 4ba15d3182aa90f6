#include "workers/training/phases.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "engine/base/digest.hpp"
#include "engine/base/error.hpp"
#include "workers/data/philox.hpp"
#include "workers/training/changes.hpp"

namespace edgesweep {
namespace {

using ::testing::HasSubstr;

const double unknown = std::nan("");

Trial trial_of(std::int64_t batch, double eta, std::int64_t steps) {
  Trial trial;
  trial.cell = {0, 0, batch, eta, steps};
  trial.seed = 3;
  trial.key = sha256_hex("trial");
  return trial;
}

Json with_schedule(const Json& schedule) { return {{"schedule", schedule}}; }

Json canonical(const Json& changes, std::int64_t train_examples = 100) {
  ObjectReader reader({{"changes", changes}}, "s.json", "experiment");
  return canonical_changes(reader, train_examples);
}

std::string error_of(const Json& changes) {
  try {
    canonical(changes);
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Phases, ATrialHasOneWithItsOwnBatchRateAndKey) {
  const Trial trial = trial_of(4, 0.5, 100);
  const auto phases = phases_of(with_schedule({{"name", "constant"}}), trial, 100);
  ASSERT_EQ(phases.size(), 1U);
  EXPECT_EQ(phase_at(phases, 0).batch, 4);
  EXPECT_EQ(phase_at(phases, 99).schedule(99, unknown), 0.5);
  EXPECT_EQ(phases[0].random_key, random_key(trial.key));
  EXPECT_EQ(samples_before(phases, 0), 0);
  EXPECT_EQ(samples_before(phases, 17), 68);
}

TEST(Phases, ChangesHoldFromTheirStepOnAndFactorsAccumulate) {
  Json experiment = with_schedule({{"name", "step"}, {"at", {15}}, {"factor", 0.5}});
  experiment["changes"] = canonical({{{"step", 10}, {"eta_times", 2.0}},
                                     {{"step", 20}, {"batch", 7}},
                                     {{"step", 30}, {"eta_times", 3.0}, {"batch", 1}}});
  const auto phases = phases_of(experiment, trial_of(4, 1.0, 100), 100);
  ASSERT_EQ(phases.size(), 4U);
  const auto rate = [&](std::int64_t step) { return phase_at(phases, step).schedule(step, unknown); };
  EXPECT_EQ(rate(9), 1.0);
  EXPECT_EQ(rate(10), 2.0);
  EXPECT_EQ(rate(15), 1.0);
  EXPECT_EQ(rate(29), 1.0);
  EXPECT_EQ(rate(30), 3.0);
  EXPECT_EQ(phase_at(phases, 19).batch, 4);
  EXPECT_EQ(phase_at(phases, 20).batch, 7);
  EXPECT_EQ(phase_at(phases, 29).batch, 7);
  EXPECT_EQ(phase_at(phases, 99).batch, 1);
  for (const Phase& phase : phases) EXPECT_EQ(phase.random_key, phases[0].random_key);
  EXPECT_EQ(samples_before(phases, 20), 80);
  EXPECT_EQ(samples_before(phases, 21), 87);
  EXPECT_EQ(samples_before(phases, 100), 80 + 70 + 70);
}

// An epoch of a warm-up is one of the cell's B, whatever B becomes.
TEST(Phases, AChangedBatchLeavesTheScheduleAsItWasPlanned) {
  Json experiment = with_schedule({{"name", "warmup_cosine"}, {"warmup_epochs", 2.0}});
  const Trial trial = trial_of(5, 1.0, 100);
  const auto plain = phases_of(experiment, trial, 100);
  experiment["changes"] = canonical({{{"step", 10}, {"batch", 50}}});
  const auto changed = phases_of(experiment, trial, 100);
  for (const std::int64_t step : {0, 9, 10, 39, 40, 99}) {
    EXPECT_EQ(phase_at(changed, step).schedule(step, unknown), phase_at(plain, step).schedule(step, unknown)) << step;
  }
  EXPECT_EQ(phase_at(plain, 39).schedule(39, unknown), 1.0) << "2 epochs of 20 steps";
}

TEST(Phases, AForkHasTheParentsPhaseFirst) {
  const std::string parent = sha256_hex("parent");
  Json experiment = with_schedule({{"name", "cosine"}});
  experiment["fork"] = {{"step", 30}, {"batch", 4}, {"eta", 0.5}, {"steps", 60}, {"seed", 3}, {"key", parent}};
  Trial trial = trial_of(10, 2.0, 100);
  const auto phases = phases_of(experiment, trial, 100);
  ASSERT_EQ(phases.size(), 2U);
  EXPECT_EQ(phase_at(phases, 29).batch, 4);
  EXPECT_NEAR(phase_at(phases, 29).schedule(30, unknown), 0.25, 1e-15);
  EXPECT_NEAR(phase_at(phases, 30).schedule(50, unknown), 1.0, 1e-15);
  EXPECT_EQ(samples_before(phases, 40), 120 + 100);
  EXPECT_EQ(phases[1].random_key, random_key(parent)) << "the parent's seed";
  trial.seed = 4;
  EXPECT_EQ(phases_of(experiment, trial, 100)[1].random_key, random_key(trial.key));
}

TEST(Changes, AreTheirOwnCanonicalForm) {
  const Json given = {{{"step", 10}, {"eta_times", 2.0}}, {{"step", 20}, {"batch", 100}}};
  EXPECT_EQ(canonical(given), given);
  EXPECT_TRUE(changes_of({{"loss", "mse"}}).empty());
}

TEST(Changes, RefuseWhatIsMissingOrImpossible) {
  EXPECT_THAT(error_of(3), HasSubstr("s.json: experiment.changes: must be a list of at least one change"));
  EXPECT_THAT(error_of(Json::array()), HasSubstr("at least one change"));
  EXPECT_THAT(error_of({1}), HasSubstr("experiment.changes[0]: is 1; must be an object"));
  EXPECT_THAT(error_of({{{"step", 0}, {"batch", 2}}}), HasSubstr("experiment.changes[0].step: is 0"));
  EXPECT_THAT(error_of({{{"eta_times", 2}}}), HasSubstr("experiment.changes[0].step: is missing"));
  EXPECT_THAT(error_of({{{"step", 5}}}), HasSubstr("experiment.changes[0]: changes nothing; must have eta_times, batch"));
  EXPECT_THAT(error_of({{{"step", 5}, {"eta_times", 0}}}), HasSubstr("experiment.changes[0].eta_times: is 0"));
  EXPECT_THAT(error_of({{{"step", 5}, {"batch", 101}}}), HasSubstr("experiment.changes[0].batch: is 101"));
  EXPECT_THAT(error_of({{{"step", 5}, {"eta", 1}}}), HasSubstr("experiment.changes[0].eta: unknown key"));
  EXPECT_THAT(error_of({{{"step", 5}, {"batch", 1}}, {{"step", 5}, {"batch", 2}}}),
              HasSubstr("experiment.changes[1].step: is 5; must be above 5, the step of the change before"));
}

}  // namespace
}  // namespace edgesweep
