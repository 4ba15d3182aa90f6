#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/spec/team.hpp"
#include "workers/models/model.hpp"

namespace edgesweep {

/// A model whose work a team shares: each member takes its part of the examples, and sums over the team make the whole, with
/// the result of one member up to rounding and the same bits on all members. Examples are divided evenly; a model that mixes
/// examples is divided between its chunks only, so that its outputs stay what they are: a batch within one chunk is then
/// computed by one member. The NTK is computed by the first member: its eigenvalues, which all need, cost more.
class TeamModel final : public Model {
 public:
  /// `team` must outlive the model.
  TeamModel(std::unique_ptr<Model> model, Team& team);

  const std::vector<Parameter>& parameters() const override { return model_->parameters(); }
  std::int64_t outputs() const override { return model_->outputs(); }
  at::Tensor initial_parameters(std::uint64_t key) const override { return model_->initial_parameters(key); }
  /// Not divided: each member computes it all.
  at::Tensor forward(const at::Tensor& theta, const at::Tensor& inputs) const override;
  std::int64_t chunk_rows() const override { return model_->chunk_rows(); }
  bool mixes_examples() const override { return model_->mixes_examples(); }
  RowRange own_rows(std::int64_t count) const override { return {part_of(count).first, part_of(count).rows}; }
  at::Tensor predict(const at::Tensor& theta, const at::Tensor& inputs) const override;
  at::Tensor ntk(const at::Tensor& theta, const at::Tensor& inputs) const override;
  at::Tensor projected_kernels(const at::Tensor& theta, const at::Tensor& inputs,
                               const at::Tensor& directions) const override;
  LossGradient loss_and_gradient(const at::Tensor& theta, const at::Tensor& inputs, const at::Tensor& targets,
                                 Loss loss) const override;
  std::unique_ptr<SymmetricOperator> hessian(const at::Tensor& theta, const at::Tensor& inputs,
                                             const at::Tensor& targets, Loss loss) const override;
  at::Tensor gradient_curvatures(const at::Tensor& theta, const at::Tensor& inputs, const at::Tensor& targets,
                                 std::int64_t batch, Loss loss) const override;
  std::unique_ptr<SymmetricOperator> gauss_newton(const at::Tensor& theta, const at::Tensor& inputs,
                                                  const at::Tensor& targets, Loss loss) const override;
  std::unique_ptr<SgdStepper> stepper(at::Tensor theta, at::Tensor velocity, const Examples& train,
                                      const SgdOptions& options, std::int64_t batch_size) const override;
  double forward_flops() const override { return model_->forward_flops(); }

 private:
  /// Some of `count` rows: this member's.
  struct Part {
    std::int64_t first = 0;
    std::int64_t rows = 0;
    double share = 0;  ///< of all rows
  };
  /// In whole units of `unit` rows.
  Part part_of(std::int64_t count, std::int64_t unit) const;
  /// As the model may be divided.
  Part part_of(std::int64_t count) const;

  std::unique_ptr<Model> model_;
  Team& team_;
};

}  // namespace edgesweep
