#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "engine/spec/team.hpp"
#include "engine/spec/trial_runner.hpp"

namespace edgesweep {

/// Leader of a team to its other members: train this trial together, from this checkpoint.
struct TeamTrial {
  std::int64_t trial = 0;
  std::optional<Bytes> checkpoint;
};

/// Why a member has left a trial before its end.
struct MemberFailure {
  bool unfit = false;  ///< no trial can run there any more
  std::string subject;
  std::string reason;
};

/// How the members of a team begin and end trials together. The leader, its first member, speaks with the coordinator.
class TeamLink {
 public:
  virtual ~TeamLink() = default;

  /// Of the leader: a trial begins.
  virtual void lead(const TeamTrial& trial) = 0;

  /// Of the leader, once and last: there are no more trials.
  virtual void dismiss() = 0;

  /// Of the others: waits for the next trial; empty if there is none.
  virtual std::optional<TeamTrial> next() = 0;

  /// Once after each trial, whatever threw: this member is done with it, or has failed. Waits for the others. Gives the failure
  /// of the first member that has one.
  virtual std::optional<MemberFailure> leave(const std::optional<MemberFailure>& failure) = 0;

  /// What to do every few milliseconds while the others are waited for.
  virtual void set_while_waiting(std::function<void()> call) = 0;
};

/// Of a worker that trains alone.
class SoloLink final : public TeamLink {
 public:
  void lead(const TeamTrial&) override {}
  void dismiss() override {}
  std::optional<TeamTrial> next() override { return std::nullopt; }
  std::optional<MemberFailure> leave(const std::optional<MemberFailure>& failure) override { return failure; }
  void set_while_waiting(std::function<void()>) override {}
};

}  // namespace edgesweep
