#include "engine/schedule/team_places.hpp"

#include "engine/base/error.hpp"

namespace edgesweep {

std::set<int> team_leaders(int ranks, std::int64_t ranks_per_trial) {
  std::set<int> leaders;
  for (std::int64_t leader = 1; leader + ranks_per_trial <= ranks; leader += ranks_per_trial) {
    leaders.insert(static_cast<int>(leader));
  }
  return leaders;
}

int leader_of(int rank, int ranks, std::int64_t ranks_per_trial) {
  if (rank == 0) {
    return 0;
  }
  const std::int64_t leader = 1 + (rank - 1) / ranks_per_trial * ranks_per_trial;
  return leader + ranks_per_trial <= ranks ? static_cast<int>(leader) : 0;
}

void require_team(std::int64_t trainers, std::int64_t ranks_per_trial, const std::string& sweep_file) {
  if (trainers < ranks_per_trial) {
    const std::string needed = std::to_string(ranks_per_trial);
    const std::string there = trainers == 1 ? "there is only 1 rank" : "there are only " + std::to_string(trainers) + " ranks";
    throw InputError(sweep_file, "ranks_per_trial: is " + needed + ", and " + there +
                                     " to train; mpirun must start " + needed + " and one that coordinates");
  }
}

}  // namespace edgesweep
