#pragma once

#include <barrier>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "engine/spec/team.hpp"

// A team of threads, to see what its members compute without MPI.
namespace edgesweep::testing {

class ThreadTeam {
 public:
  explicit ThreadTeam(int size) : size_(size), barrier_(size) {}

  /// Calls `work` once a member, each in a thread of its own; throws what the first of them threw.
  void run(const std::function<void(Team&)>& work) {
    std::vector<std::exception_ptr> errors(static_cast<std::size_t>(size_));
    {
      std::vector<std::jthread> threads;
      for (int rank = 0; rank < size_; ++rank) {
        threads.emplace_back([&, rank] {
          Member member(*this, rank);
          try {
            work(member);
          } catch (...) {
            errors[static_cast<std::size_t>(rank)] = std::current_exception();
            barrier_.arrive_and_drop();
          }
        });
      }
    }
    for (const std::exception_ptr& error : errors) {
      if (error) std::rethrow_exception(error);
    }
  }

 private:
  class Member final : public Team {
   public:
    Member(ThreadTeam& team, int rank) : team_(team), rank_(rank) {}
    int rank() const override { return rank_; }
    int size() const override { return team_.size_; }
    void sum(std::span<float> values) override { team_.sum(values); }
    void sum(std::span<double> values) override { team_.sum(values); }
    std::uint32_t unite(std::uint32_t bits) override {
      double values[32];
      for (int i = 0; i < 32; ++i) values[i] = bits >> i & 1U;
      team_.sum(std::span<double>(values));
      std::uint32_t united = 0;
      for (int i = 0; i < 32; ++i) united |= values[i] > 0 ? 1U << i : 0U;
      return united;
    }

   private:
    ThreadTeam& team_;
    int rank_;
  };

  template <typename Number>
  void sum(std::span<Number> values) {
    {
      const std::lock_guard guard(mutex_);
      total_.resize(values.size());
      for (std::size_t i = 0; i < values.size(); ++i) total_[i] += static_cast<double>(values[i]);
    }
    barrier_.arrive_and_wait();
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<Number>(total_[i]);
    barrier_.arrive_and_wait();
    {
      const std::lock_guard guard(mutex_);
      total_.clear();
    }
    barrier_.arrive_and_wait();
  }

  int size_;
  std::barrier<> barrier_;
  std::mutex mutex_;
  std::vector<double> total_;
};

}  // namespace edgesweep::testing
