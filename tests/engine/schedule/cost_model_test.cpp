#include "engine/schedule/cost_model.hpp"

#include <gtest/gtest.h>

#include "tests/engine/schedule/fakes.hpp"

namespace edgesweep {
namespace {

TEST(CostModel, StartsFromTheCatalogsPrediction) {
  const CostModel costs(fake_sweep(), FakeCatalog());
  EXPECT_DOUBLE_EQ(costs.seconds(1, 200, 12), 200 * 1 + 12 * 10);
  EXPECT_DOUBLE_EQ(costs.seconds(100, 200, 12), 200 * 100 + 12 * 10);
}

TEST(CostModel, LearnsAFactorPerBatchSizeAndUsesTheirMeanForTheOthers) {
  CostModel costs(fake_sweep(), FakeCatalog());
  costs.observe(1, 200, 0, 50);    // predicted 200: factor 1/4
  costs.observe(10, 10, 0, 200);   // predicted 100: factor 2
  EXPECT_DOUBLE_EQ(costs.seconds(1, 400, 0), 100);
  EXPECT_DOUBLE_EQ(costs.seconds(10, 20, 0), 400);
  EXPECT_DOUBLE_EQ(costs.seconds(100, 3, 0), 300 * 250.0 / 300);
}

TEST(CostModel, WeighsObservationsByTheirWork) {
  CostModel costs(fake_sweep(), FakeCatalog());
  costs.observe(1, 1, 0, 10);
  costs.observe(1, 99, 0, 90);
  EXPECT_DOUBLE_EQ(costs.seconds(1, 100, 0), 100);
}

}  // namespace
}  // namespace edgesweep
