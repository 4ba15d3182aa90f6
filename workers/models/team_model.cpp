#include "workers/models/team_model.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <utility>

#include "workers/models/gradient_exchange.hpp"
#include "workers/models/gradient_stepper.hpp"
#include "workers/models/team_sum.hpp"

namespace edgesweep {
namespace {

/// Σ over members of their parts' matrix times the part's share.
class SharedOperator final : public SymmetricOperator {
 public:
  /// `part` is null for a member without rows.
  SharedOperator(Team& team, std::int64_t size, std::unique_ptr<SymmetricOperator> part, double share)
      : team_(team), size_(size), part_(std::move(part)), share_(share) {}

  std::int64_t size() const override { return size_; }

  at::Tensor apply(const at::Tensor& v) override {
    const at::NoGradGuard no_graph;
    at::Tensor sum = part_ ? part_->apply(v).mul_(share_).contiguous() : at::zeros_like(v);
    sum_over(team_, sum);
    return sum;
  }

 private:
  Team& team_;
  std::int64_t size_;
  std::unique_ptr<SymmetricOperator> part_;
  double share_;
};

}  // namespace

TeamModel::TeamModel(std::unique_ptr<Model> model, Team& team) : model_(std::move(model)), team_(team) {}

TeamModel::Part TeamModel::part_of(std::int64_t count, std::int64_t unit) const {
  const std::int64_t units = (count + unit - 1) / unit;
  const auto start = [&](std::int64_t rank) { return std::min(count, rank * units / team_.size() * unit); };
  const std::int64_t first = start(team_.rank());
  const std::int64_t rows = start(team_.rank() + 1) - first;
  return {first, rows, static_cast<double>(rows) / static_cast<double>(count)};
}

TeamModel::Part TeamModel::part_of(std::int64_t count) const {
  return part_of(count, mixes_examples() ? chunk_rows() : 1);
}

at::Tensor TeamModel::forward(const at::Tensor& theta, const at::Tensor& inputs) const {
  return model_->forward(theta, inputs);
}

at::Tensor TeamModel::predict(const at::Tensor& theta, const at::Tensor& inputs) const {
  const Part part = part_of(inputs.size(0));
  at::Tensor all = at::zeros({inputs.size(0), outputs()}, theta.options());
  if (part.rows > 0) {
    all.narrow(0, part.first, part.rows).copy_(model_->predict(theta, inputs.narrow(0, part.first, part.rows)));
  }
  sum_over(team_, all);
  return all;
}

at::Tensor TeamModel::ntk(const at::Tensor& theta, const at::Tensor& inputs) const {
  const std::int64_t rows = inputs.size(0) * outputs();
  at::Tensor kernel = team_.rank() == 0 ? model_->ntk(theta, inputs) : at::zeros({rows, rows}, theta.options());
  sum_over(team_, kernel);
  return kernel;
}

at::Tensor TeamModel::projected_kernels(const at::Tensor& theta, const at::Tensor& inputs,
                                        const at::Tensor& directions) const {
  const Part part = part_of(inputs.size(0));
  at::Tensor all = at::zeros({inputs.size(0), directions.size(1), directions.size(1)}, theta.options());
  if (part.rows > 0) {
    all.narrow(0, part.first, part.rows)
        .copy_(model_->projected_kernels(theta, inputs.narrow(0, part.first, part.rows),
                                         directions.narrow(0, part.first, part.rows)));
  }
  sum_over(team_, all);
  return all;
}

LossGradient TeamModel::loss_and_gradient(const at::Tensor& theta, const at::Tensor& inputs, const at::Tensor& targets,
                                          Loss loss) const {
  const Part part = part_of(inputs.size(0));
  GradientExchange exchange(team_, parameters(), part.share, theta);
  if (part.rows > 0) {
    model_->tell_loss_and_gradient(theta, inputs.narrow(0, part.first, part.rows), targets.narrow(0, part.first, part.rows), loss,
                                   exchange);
  }
  return exchange.sum();
}

std::unique_ptr<SymmetricOperator> TeamModel::hessian(const at::Tensor& theta, const at::Tensor& inputs,
                                                      const at::Tensor& targets, Loss loss) const {
  const Part part = part_of(inputs.size(0));
  std::unique_ptr<SymmetricOperator> mine;
  if (part.rows > 0) {
    mine = model_->hessian(theta, inputs.narrow(0, part.first, part.rows), targets.narrow(0, part.first, part.rows), loss);
  }
  return std::make_unique<SharedOperator>(team_, parameter_count(), std::move(mine), part.share);
}

at::Tensor TeamModel::gradient_curvatures(const at::Tensor& theta, const at::Tensor& inputs, const at::Tensor& targets,
                                          std::int64_t batch, Loss loss) const {
  const std::int64_t groups = inputs.size(0) / batch;
  const Part part = part_of(groups, 1);
  at::Tensor all = at::zeros({groups, 2}, at::kDouble);
  if (part.rows > 0) {
    const std::int64_t first = part.first * batch, rows = part.rows * batch;
    all.narrow(0, part.first, part.rows)
        .copy_(model_->gradient_curvatures(theta, inputs.narrow(0, first, rows), targets.narrow(0, first, rows), batch, loss));
  }
  sum_over(team_, all);
  return all;
}

std::unique_ptr<SymmetricOperator> TeamModel::gauss_newton(const at::Tensor& theta, const at::Tensor& inputs,
                                                           const at::Tensor& targets, Loss loss) const {
  const Part part = part_of(inputs.size(0));
  std::unique_ptr<SymmetricOperator> mine;
  if (part.rows > 0) {
    mine = model_->gauss_newton(theta, inputs.narrow(0, part.first, part.rows), targets.narrow(0, part.first, part.rows),
                                loss);
  }
  return std::make_unique<SharedOperator>(team_, parameter_count(), std::move(mine), part.share);
}

std::unique_ptr<SgdStepper> TeamModel::stepper(at::Tensor theta, at::Tensor velocity, const Examples& train,
                                               const SgdOptions& options, std::int64_t batch_size) const {
  return std::make_unique<GradientStepper>(*this, std::move(theta), std::move(velocity), train, options, batch_size);
}

}  // namespace edgesweep
