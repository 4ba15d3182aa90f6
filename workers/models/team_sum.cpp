#include "workers/models/team_sum.hpp"

#include <ATen/ATen.h>

#include <span>

namespace edgesweep {
namespace {

template <typename Number>
std::span<Number> span_of(const at::Tensor& values) {
  return {values.data_ptr<Number>(), static_cast<std::size_t>(values.numel())};
}

}  // namespace

void sum_values(Team& team, const at::Tensor& values) {
  if (values.scalar_type() == at::kDouble) {
    team.sum(span_of<double>(values));
  } else {
    team.sum(span_of<float>(values));
  }
}

void sum_over(Team& team, at::Tensor& values) {
  const at::Tensor here = values.cpu();
  sum_values(team, here);
  if (!values.is_cpu()) values.copy_(here);
}

}  // namespace edgesweep
