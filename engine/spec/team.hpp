#pragma once

#include <cstdint>
#include <span>
#include <stdexcept>

namespace edgesweep {

/// Another member has left the trial that the team trains: the trial has failed for all of them.
class TeamBroken : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The ranks that train one trial together. While a trial runs, all members make the same calls in the same order and with
/// the same sizes; a call returns when all have made it. Each throws TeamBroken if that is not so, or a member has failed.
class Team {
 public:
  virtual ~Team() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;

  /// Element by element the sum over the members, in the order of their ranks: the same bits on each of them, whatever the
  /// network between them.
  virtual void sum(std::span<float> values) = 0;
  virtual void sum(std::span<double> values) = 0;

  /// The bits that at least one member has set.
  virtual std::uint32_t unite(std::uint32_t bits) = 0;
};

/// A team of one.
class SoloTeam final : public Team {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  void sum(std::span<float>) override {}
  void sum(std::span<double>) override {}
  std::uint32_t unite(std::uint32_t bits) override { return bits; }
};

}  // namespace edgesweep
