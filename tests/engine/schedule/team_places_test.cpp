#include "engine/schedule/team_places.hpp"

#include <gtest/gtest.h>

#include "engine/base/error.hpp"

namespace edgesweep {
namespace {

TEST(TeamPlaces, NeighboursMakeTeamsAndTheFirstLeads) {
  EXPECT_EQ(team_leaders(8, 1), (std::set<int>{1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(team_leaders(8, 3), (std::set<int>{1, 4}));
  EXPECT_EQ(team_leaders(3, 3), std::set<int>{});
  for (int rank = 1; rank <= 3; ++rank) EXPECT_EQ(leader_of(rank, 8, 3), 1);
  for (int rank = 4; rank <= 6; ++rank) EXPECT_EQ(leader_of(rank, 8, 3), 4);
}

TEST(TeamPlaces, RanksThatMakeNoTeamAreLeftOver) {
  EXPECT_EQ(leader_of(0, 8, 3), 0) << "the coordinator";
  EXPECT_EQ(leader_of(7, 8, 3), 0);
}

TEST(TeamPlaces, ATeamWantsItsRanks) {
  EXPECT_NO_THROW(require_team(3, 3, "s.json"));
  try {
    require_team(2, 3, "s.json");
    FAIL();
  } catch (const InputError& error) {
    EXPECT_EQ(error.subject() + ": " + error.reason(),
              "s.json: ranks_per_trial: is 3, and there are only 2 ranks to train; mpirun must start 3 and one that coordinates");
  }
}

}  // namespace
}  // namespace edgesweep
