#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Event.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/spec/team.hpp"
#include "workers/models/model.hpp"

namespace edgesweep {

/// Sums a loss and its gradient over a team in buckets, the network's end first. A GPU is still computing the gradients of the
/// layers before while a bucket is on its way through the host. The sums' bits do not depend on the buckets.
class GradientExchange final : public GradientListener {
 public:
  static constexpr std::int64_t usual_bucket = std::int64_t{1} << 22;

  /// `share`: this member's part of all examples. Buckets have whole parameters, and `least_values` values or more but for the
  /// last one. `like`: of which dtype and device.
  GradientExchange(Team& team, const std::vector<Parameter>& parameters, double share, const at::Tensor& like,
                   std::int64_t least_values = usual_bucket);

  void loss_made(const at::Tensor& loss) override;
  void part_made(std::size_t parameter, const at::Tensor& gradient) override;

  /// Sums; the parts of a member that was told nothing are 0. Throws as Team does.
  LossGradient sum();

 private:
  struct Bucket {
    std::int64_t first = 0, end = 0;  ///< in values_
    std::int64_t missing = 0;         ///< parameters
    std::optional<c10::Event> made;   ///< on a GPU: when its values are there
  };

  void mark(Bucket& bucket) const;
  void sum_on_gpu();

  Team& team_;
  const std::vector<Parameter>& parameters_;
  double share_;
  at::Tensor values_;  // ∇L, then L
  std::vector<Bucket> buckets_;
  std::vector<std::size_t> bucket_of_;  // of each parameter
};

}  // namespace edgesweep
