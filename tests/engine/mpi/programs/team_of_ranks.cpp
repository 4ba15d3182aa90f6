// Calls of a team over MPI ranks: `mpirun -n 4 team_of_ranks sums`. Rank 0 is not in the team.
#include <cmath>
#include <cstdio>
#include <limits>
#include <map>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/mpi/communicator.hpp"
#include "engine/mpi/rank_team.hpp"
#include "engine/mpi/session.hpp"

namespace edgesweep {
namespace {

void require(bool condition, const std::string& what) {
  if (!condition) {
    throw std::runtime_error("not so: " + what);
  }
}

template <typename Number>
std::vector<Number> numbers_of(int rank, std::size_t count) {
  std::mt19937 random(static_cast<unsigned>(rank));
  std::normal_distribution<Number> normal;
  std::vector<Number> values(count);
  for (Number& value : values) value = std::exp(10 * normal(random)) * normal(random);
  return values;
}

template <typename Number>
void check_sum(RankTeam& team, std::size_t count) {
  std::vector<Number> values = numbers_of<Number>(team.rank(), count);
  team.sum(std::span(values));
  std::vector<double> expected(count);
  for (int rank = 0; rank < team.size(); ++rank) {
    const std::vector<Number> part = numbers_of<Number>(rank, count);
    for (std::size_t i = 0; i < count; ++i) expected[i] += static_cast<double>(part[i]);
  }
  for (std::size_t i = 0; i < count; ++i) {
    require(values[i] == static_cast<Number>(expected[i]), "a sum is taken in the order of ranks, bit for bit");
  }
}

void start(RankTeam& team) {
  if (team.rank() == 0) {
    team.lead({7, Bytes(100'000, std::byte{42})});
    return;
  }
  const auto trial = team.next();
  require(trial && trial->trial == 7 && trial->checkpoint == Bytes(100'000, std::byte{42}), "all get the trial");
}

void finish(RankTeam& team) {
  if (team.rank() == 0) {
    team.dismiss();
  } else {
    require(!team.next(), "all are dismissed");
  }
}

void sums(RankTeam& team) {
  start(team);
  for (const std::size_t count : {std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{1000}, std::size_t{5'000'001}}) {
    check_sum<float>(team, count);
    check_sum<double>(team, count);
  }
  require(team.unite(0) == 0 && team.unite(1U << team.rank()) == (1U << team.size()) - 1, "bits unite");
  require(!team.leave(std::nullopt), "nobody failed");
  finish(team);
}

/// One member fails while the others are about to sum, to unite or to leave; then all train on.
void failures(RankTeam& team) {
  for (int failing = 0; failing < team.size(); ++failing) {
    for (int way = 0; way < 3; ++way) {
      start(team);
      std::optional<MemberFailure> failure;
      if (team.rank() == failing) {
        failure = team.leave(MemberFailure{way == 1, "trainer", "gone"});
      } else {
        std::vector<float> values(1000);
        try {
          if (way == 0) team.sum(std::span(values));
          if (way == 1) team.unite(0);
          require(way == 2, "the others learn of it at their next call");
        } catch (const TeamBroken& broken) {
          require(std::string(broken.what()).ends_with("trainer: gone"), "a broken team says why");
        }
        failure = team.leave(std::nullopt);
      }
      require(failure && failure->unfit == (way == 1) && failure->reason == "rank " + std::to_string(failing + 1) + ": trainer: gone",
              "all know who failed, and how");
    }
  }
  finish(team);
}

void strays(RankTeam& team) {
  start(team);
  std::vector<double> values(team.rank() == 1 ? 8 : 9);
  bool broken = false;
  try {
    team.sum(std::span(values));
  } catch (const TeamBroken&) {
    broken = true;
  }
  require(broken && team.leave(std::nullopt), "members that go different ways fail");
  start(team);
  require(team.unite(2) == 2 && !team.leave(std::nullopt), "the next trial goes well");
  finish(team);
}

}  // namespace
}  // namespace edgesweep

int main(int argc, char** argv) {
  using namespace edgesweep;
  const std::map<std::string, void (*)(RankTeam&)> checks{{"sums", sums}, {"failures", failures}, {"strays", strays}};
  Session session;
  return static_cast<int>(session.run([&] {
    require(argc == 2 && checks.contains(argv[1]), "the argument names a check");
    require(session.size() > 2, "the program runs under mpirun, with two ranks in the team or more");
    if (session.rank() > 0) {
      RankTeam team(1, session.size() - 1);
      checks.at(argv[1])(team);
    }
    return ExitCode::success;
  }));
}
