#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "engine/schedule/team_link.hpp"
#include "engine/spec/team.hpp"

namespace edgesweep {

/// A team of neighbouring ranks of MPI_COMM_WORLD.
///
/// Every call of the members begins with a few words that each puts in: what it is about to do, and whether it has failed
/// instead. So one that fails, wherever it is, meets the others at their next call, and none waits for what never comes; and
/// members that went different ways see it. Sums are taken by slices, each by one member from all the others' parts in the
/// order of their ranks: their bits depend on the number of members alone, which no reduction of MPI promises.
///
/// Waits spin for a moment, then sleep.
class RankTeam final : public Team, public TeamLink {
 public:
  /// Collective over the ranks first … first + size − 1. Needs a Session with several ranks; to be destroyed before it. Throws
  /// SystemError, as all calls do if MPI fails.
  RankTeam(int first, int size);
  ~RankTeam() override;  ///< collective

  int rank() const override;
  int size() const override;
  void sum(std::span<float> values) override;
  void sum(std::span<double> values) override;
  std::uint32_t unite(std::uint32_t bits) override;

  void lead(const TeamTrial& trial) override;
  void dismiss() override;
  std::optional<TeamTrial> next() override;
  std::optional<MemberFailure> leave(const std::optional<MemberFailure>& failure) override;
  void set_while_waiting(std::function<void()> call) override;

 private:
  struct Impl;

  /// What a member puts in at the start of a call.
  enum class Call : std::uint64_t { leave, unite, sum_floats, sum_doubles };

  /// Meets the others. Gives the bits that any has set. Throws TeamBroken if one has failed or makes another call.
  std::uint32_t meet(Call call, std::uint64_t size, std::uint32_t bits);
  /// After a failure somewhere: all tell theirs, and the first is kept in failure_.
  void share(const std::optional<MemberFailure>& mine);
  template <typename Number>
  void sum_slices(std::span<Number> values);

  std::unique_ptr<Impl> impl_;
  std::optional<MemberFailure> failure_;  ///< what broke the team in this trial
};

}  // namespace edgesweep
