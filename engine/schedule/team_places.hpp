#pragma once

#include <cstdint>
#include <set>
#include <string>

// Which ranks make which team. Rank 0 coordinates; the ranks from 1 on form teams of neighbours, the first of each leads.
namespace edgesweep {

/// Leaders of all teams, in a job of `ranks` ranks.
std::set<int> team_leaders(int ranks, std::int64_t ranks_per_trial);

/// The leader of a rank's team; 0 for a rank that is left over, and for rank 0.
int leader_of(int rank, int ranks, std::int64_t ranks_per_trial);

/// Throws InputError, naming `sweep_file`, unless `trainers` ranks make a team.
void require_team(std::int64_t trainers, std::int64_t ranks_per_trial, const std::string& sweep_file);

}  // namespace edgesweep
