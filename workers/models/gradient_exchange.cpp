#include "workers/models/gradient_exchange.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include "workers/models/team_sum.hpp"

namespace edgesweep {

GradientExchange::GradientExchange(Team& team, const std::vector<Parameter>& parameters, double share, const at::Tensor& like,
                                   std::int64_t least_values)
    : team_(team), parameters_(parameters), share_(share), bucket_of_(parameters.size()) {
  const std::int64_t count = parameters.back().offset + parameters.back().count;
  values_ = at::zeros({count + 1}, like.options().requires_grad(false));
  std::int64_t end = count + 1;
  for (std::size_t i = parameters.size(); i-- > 0;) {
    if (buckets_.empty() || buckets_.back().end - buckets_.back().first >= least_values) buckets_.push_back({end, end, 0, {}});
    end = buckets_.back().first = parameters[i].offset;
    ++buckets_.back().missing;
    bucket_of_[i] = buckets_.size() - 1;
  }
}

void GradientExchange::loss_made(const at::Tensor& loss) {
  const at::NoGradGuard no_graph;
  values_[-1].copy_(loss.to(at::kDouble) * share_);
}

void GradientExchange::part_made(std::size_t parameter, const at::Tensor& gradient) {
  const at::NoGradGuard no_graph;
  values_.narrow(0, parameters_[parameter].offset, parameters_[parameter].count).copy_(gradient).mul_(share_);
  Bucket& bucket = buckets_[bucket_of_[parameter]];
  if (--bucket.missing == 0) mark(bucket);
}

/// Its values are there when what is queued now is done.
void GradientExchange::mark(Bucket& bucket) const {
  if (values_.is_cpu()) return;
  const c10::impl::VirtualGuardImpl device(values_.device().type());
  bucket.made.emplace(values_.device().type());
  bucket.made->record(device.getStream(values_.device()));
}

LossGradient GradientExchange::sum() {
  const at::NoGradGuard no_graph;
  if (values_.is_cpu()) {
    for (const Bucket& bucket : buckets_) sum_values(team_, values_.narrow(0, bucket.first, bucket.end - bucket.first));
  } else {
    sum_on_gpu();
  }
  return {values_[-1].item<double>(), values_.narrow(0, 0, values_.size(0) - 1)};
}

void GradientExchange::sum_on_gpu() {
  const c10::Device device = values_.device();
  const c10::impl::VirtualGuardImpl streams(device.type());
  const c10::Stream computing = streams.getStream(device), copying = streams.getStreamFromGlobalPool(device);
  const at::Tensor host = at::empty(values_.sizes(), values_.options().device(at::kCPU).pinned_memory(true));
  for (Bucket& bucket : buckets_) {
    if (!bucket.made) mark(bucket);
  }
  {
    const c10::StreamGuard guard(copying);
    for (Bucket& bucket : buckets_) {
      bucket.made->block(copying);
      const at::Tensor there = values_.narrow(0, bucket.first, bucket.end - bucket.first);
      const at::Tensor here = host.narrow(0, bucket.first, bucket.end - bucket.first);
      here.copy_(there, true);
      copying.synchronize();
      sum_values(team_, here);
      there.copy_(here, true);
    }
  }
  c10::Event summed(device.type());
  summed.record(copying);
  summed.block(computing);
}

}  // namespace edgesweep
