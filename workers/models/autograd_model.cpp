#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include <stdexcept>
#include <utility>
#include <vector>

#include "engine/base/error.hpp"
#include "workers/models/chunks.hpp"
#include "workers/models/gradient_stepper.hpp"
#include "workers/models/model.hpp"

// What a Model does unless its family has something faster: derivatives by autograd, in chunks of chunk_rows() examples.
namespace edgesweep {
namespace {

at::Tensor tracked(const at::Tensor& theta) { return theta.detach().clone().requires_grad_(true); }

at::Tensor derivative(const at::Tensor& of, const at::Tensor& by) {
  return torch::autograd::grad({of}, {by}, {}, false, false, true)[0];
}

/// A symmetric matrix that is a weighted sum over chunks. A product's graph is kept where one chunk holds all examples,
/// else it is made again for each product: the memory is that of one chunk.
class ChunkedOperator : public SymmetricOperator {
 public:
  ChunkedOperator(const Model& model, const at::Tensor& theta, at::Tensor inputs, at::Tensor targets, Loss loss)
      : model_(model), theta_(tracked(theta)), inputs_(std::move(inputs)), targets_(std::move(targets)), loss_(loss) {}

  std::int64_t size() const override { return theta_.size(0); }

  at::Tensor apply(const at::Tensor& v) override {
    if (v.dim() != 1 || v.size(0) != size()) {
      throw InputError("matrix-vector product", "found a vector of " + std::to_string(v.numel()) +
                                                    " values; the network has " + std::to_string(size()));
    }
    const at::AutoGradMode graph(true);
    at::Tensor sum = at::zeros_like(v);
    for_each_chunk(inputs_.size(0), model_.chunk_rows(), [&](std::int64_t first, std::int64_t rows, double share) {
      sum.add_(product(inputs_.narrow(0, first, rows), targets_.narrow(0, first, rows), v, share == 1), share);
    });
    return sum;
  }

 protected:
  /// Of one chunk; with `again` the same chunk comes in every product.
  virtual at::Tensor product(const at::Tensor& inputs, const at::Tensor& targets, const at::Tensor& v, bool again) = 0;

  const Model& model_;
  at::Tensor theta_;
  at::Tensor inputs_, targets_;
  Loss loss_;
};

class AutogradHessian final : public ChunkedOperator {
 public:
  using ChunkedOperator::ChunkedOperator;

 private:
  at::Tensor product(const at::Tensor& inputs, const at::Tensor& targets, const at::Tensor& v, bool again) override {
    at::Tensor g = gradient_;
    if (!g.defined()) {
      const at::Tensor value = loss_value(loss_, model_.forward(theta_, inputs), targets);
      g = torch::autograd::grad({value}, {theta_}, {}, true, true)[0];
      if (again) gradient_ = g;
    }
    const at::Tensor h = torch::autograd::grad({g}, {theta_}, {v}, again, false, true)[0];
    return h.defined() ? h : at::zeros_like(v);
  }

  at::Tensor gradient_;  // with its graph
};

class AutogradGaussNewton final : public ChunkedOperator {
 public:
  using ChunkedOperator::ChunkedOperator;

 private:
  // J v is the derivative by u of (Jᵀ u)·v.
  at::Tensor product(const at::Tensor& inputs, const at::Tensor& targets, const at::Tensor& v, bool again) override {
    at::Tensor f = outputs_, u = probe_, pulled = pulled_;
    if (!f.defined()) {
      f = model_.forward(theta_, inputs);
      u = at::zeros_like(f).requires_grad_(true);
      pulled = torch::autograd::grad({f}, {theta_}, {u}, true, true)[0];
      if (again) outputs_ = f, probe_ = u, pulled_ = pulled;
    }
    const at::Tensor pushed = torch::autograd::grad({pulled}, {u}, {v}, true)[0];
    const at::Tensor curved = loss_curvature(loss_, f.detach(), targets, pushed);
    return torch::autograd::grad({f}, {theta_}, {curved}, again)[0];
  }

  at::Tensor outputs_, probe_, pulled_;
};

/// J of some outputs f (any shape) in θ, numel(f) × P.
at::Tensor jacobian(const at::Tensor& f, const at::Tensor& theta) {
  const at::Tensor flat = f.flatten();
  at::Tensor rows = at::empty({flat.size(0), theta.size(0)}, theta.options().requires_grad(false));
  for (std::int64_t i = 0; i < flat.size(0); ++i) {
    rows[i].copy_(torch::autograd::grad({flat[i]}, {theta}, {}, true)[0]);
  }
  return rows;
}

}  // namespace

std::int64_t Model::chunk_rows() const { return 1000; }

at::Tensor Model::ntk(const at::Tensor& theta, const at::Tensor& inputs) const {
  const at::AutoGradMode graph(true);
  const at::Tensor leaf = tracked(theta);
  std::vector<at::Tensor> parts;  // by chunks, which with batch norm are what makes the outputs
  for_each_chunk(inputs.size(0), chunk_rows(), [&](std::int64_t first, std::int64_t rows, double) {
    parts.push_back(jacobian(forward(leaf, inputs.narrow(0, first, rows)), leaf));
  });
  const at::Tensor j = at::cat(parts);
  const at::Tensor kernel = j.mm(j.t()).div_(static_cast<double>(inputs.size(0)));
  return (kernel + kernel.t()).div_(2);
}

at::Tensor Model::projected_kernels(const at::Tensor& theta, const at::Tensor& inputs, const at::Tensor& directions) const {
  if (mixes_examples()) throw std::logic_error("no kernels of single examples in a model that mixes them");
  const at::AutoGradMode graph(true);
  const at::Tensor leaf = tracked(theta);
  at::Tensor kernels = at::empty({inputs.size(0), directions.size(1), directions.size(1)}, theta.options());
  for (std::int64_t i = 0; i < inputs.size(0); ++i) {
    const at::Tensor j = jacobian(at::mv(directions[i], forward(leaf, inputs.narrow(0, i, 1)).flatten()), leaf);
    kernels[i].copy_(j.mm(j.t()));
  }
  return kernels;
}

at::Tensor Model::predict(const at::Tensor& theta, const at::Tensor& inputs) const {
  // Bounds the memory of a forward pass; a model that mixes examples has chunks of its own.
  constexpr std::int64_t most_rows = 512;
  const at::NoGradGuard no_graph;
  std::vector<at::Tensor> parts;
  for_each_chunk(inputs.size(0), mixes_examples() ? chunk_rows() : std::min(most_rows, chunk_rows()),
                 [&](std::int64_t first, std::int64_t rows, double) {
                   parts.push_back(forward(theta, inputs.narrow(0, first, rows).to(theta.scalar_type())));
                 });
  return at::cat(parts);
}

LossGradient Model::loss_and_gradient(const at::Tensor& theta, const at::Tensor& inputs, const at::Tensor& targets,
                                      Loss loss) const {
  const at::AutoGradMode graph(true);
  const at::Tensor leaf = theta.detach().requires_grad_(true);
  LossGradient result;
  for_each_chunk(inputs.size(0), chunk_rows(), [&](std::int64_t first, std::int64_t rows, double share) {
    const at::Tensor x = inputs.narrow(0, first, rows), y = targets.narrow(0, first, rows);
    const bool mixed = x.scalar_type() == at::kBFloat16;
    const at::Tensor f = mixed ? forward(leaf.to(at::kBFloat16), x).to(y.scalar_type()) : forward(leaf, x);
    const at::Tensor part = loss_value(loss, f, y);
    at::Tensor g = derivative(part, leaf);
    result.loss += share * part.item<double>();
    if (share == 1) {
      result.gradient = std::move(g);
    } else if (!result.gradient.defined()) {
      result.gradient = g.mul_(share);
    } else {
      result.gradient.add_(g, share);
    }
  });
  return result;
}

void Model::tell_loss_and_gradient(const at::Tensor& theta, const at::Tensor& inputs, const at::Tensor& targets, Loss loss,
                                   GradientListener& listener) const {
  const LossGradient all = loss_and_gradient(theta, inputs, targets, loss);
  listener.loss_made(at::scalar_tensor(all.loss, at::kDouble));
  for (std::size_t i = parameters().size(); i-- > 0;) {
    listener.part_made(i, all.gradient.narrow(0, parameters()[i].offset, parameters()[i].count));
  }
}

std::unique_ptr<SymmetricOperator> Model::hessian(const at::Tensor& theta, const at::Tensor& inputs,
                                                  const at::Tensor& targets, Loss loss) const {
  return std::make_unique<AutogradHessian>(*this, theta, inputs, targets, loss);
}

at::Tensor Model::gradient_curvatures(const at::Tensor& theta, const at::Tensor& inputs, const at::Tensor& targets,
                                      std::int64_t batch, Loss loss) const {
  const std::int64_t groups = inputs.size(0) / batch;
  at::Tensor result = at::empty({groups, 2}, at::kDouble);
  for (std::int64_t k = 0; k < groups; ++k) {
    const at::Tensor x = inputs.narrow(0, k * batch, batch), y = targets.narrow(0, k * batch, batch);
    const at::Tensor g = gradient(theta, x, y, loss);
    const at::Tensor hg = hessian(theta, x, y, loss)->apply(g);
    result[k][0] = (g * hg).sum(at::kDouble).item<double>();
    result[k][1] = g.square().sum(at::kDouble).item<double>();
  }
  return result;
}

std::unique_ptr<SymmetricOperator> Model::gauss_newton(const at::Tensor& theta, const at::Tensor& inputs,
                                                       const at::Tensor& targets, Loss loss) const {
  return std::make_unique<AutogradGaussNewton>(*this, theta, inputs, targets, loss);
}

std::unique_ptr<SgdStepper> Model::stepper(at::Tensor theta, at::Tensor velocity, const Examples& train,
                                           const SgdOptions& options, std::int64_t batch_size) const {
  return std::make_unique<GradientStepper>(*this, std::move(theta), std::move(velocity), train, options, batch_size);
}

}  // namespace edgesweep
