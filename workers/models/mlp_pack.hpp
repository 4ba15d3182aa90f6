#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "workers/models/mlp.hpp"

namespace edgesweep {

/// Steps of several trials of one network, which train in threads of one process, as batched products: on a GPU, where a step of a small
/// network takes longer to launch than to compute, k trials launch about as much as one.
///
/// Each trial has one of k places: its θ and v are rows of tensors k × P. Who asks for a step waits for the others that took the last
/// one, but no longer than kPatience for those that measure meanwhile, or have ended; then one thread takes the step of all who
/// ask. Products are always of k places, whoever asks: a trial's bits depend on k, and not on the others, its place or the clock.
class MlpPack {
 public:
  /// Of trials that train on `train`.
  MlpPack(Mlp mlp, std::int64_t places, Examples train);

  /// Whether these are the examples that the trials share.
  bool trains_on(const Examples& examples) const;

  /// As Model::stepper, for options without l2_on_weights; any thread may call it. While the stepper lives, the values of `theta`
  /// and `velocity` are kept in the pack: both tensors are set to a row of it.
  std::unique_ptr<SgdStepper> stepper(at::Tensor theta, at::Tensor velocity, const SgdOptions& options, std::int64_t batch_size);

 private:
  class Group;
  class Member;

  Mlp mlp_;
  std::int64_t places_;
  Examples train_;
  std::mutex mutex_;
  std::vector<std::weak_ptr<Group>> groups_;
};

}  // namespace edgesweep
