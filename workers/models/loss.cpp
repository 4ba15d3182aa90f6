#include "workers/models/loss.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace edgesweep {
namespace {

double rows(const at::Tensor& f) { return static_cast<double>(f.size(0)); }

}  // namespace

const std::vector<std::string>& loss_names() {
  static const std::vector<std::string> names{"mse", "mse_sum", "cross_entropy", "logistic"};
  return names;
}

Loss loss_named(const std::string& name) {
  const auto found = std::find(loss_names().begin(), loss_names().end(), name);
  if (found == loss_names().end()) throw std::invalid_argument("unknown loss " + name);
  return static_cast<Loss>(found - loss_names().begin());
}

bool is_squared(Loss loss) { return loss == Loss::mse || loss == Loss::mse_sum; }

double squared_loss_scale(Loss loss) {
  if (!is_squared(loss)) throw std::logic_error("not a squared loss");
  return loss == Loss::mse ? 1 : 2;
}

at::Tensor loss_value(Loss loss, const at::Tensor& f, const at::Tensor& y) {
  switch (loss) {
    case Loss::mse: return (f - y).square().sum() / (2 * rows(f));
    case Loss::mse_sum: return (f - y).square().sum() / rows(f);
    case Loss::cross_entropy: return -(y * at::log_softmax(f, 1)).sum() / rows(f);
    case Loss::logistic: return -at::log_sigmoid(y * f).sum() / rows(f);
  }
  throw std::logic_error("unknown loss");
}

at::Tensor example_losses(Loss loss, const at::Tensor& f, const at::Tensor& y) {
  switch (loss) {
    case Loss::mse: return (f - y).square().sum(1) / 2;
    case Loss::mse_sum: return (f - y).square().sum(1);
    case Loss::cross_entropy: return -(y * at::log_softmax(f, 1)).sum(1);
    case Loss::logistic: return -at::log_sigmoid(y * f).sum(1);
  }
  throw std::logic_error("unknown loss");
}

at::Tensor loss_gradient(Loss loss, const at::Tensor& f, const at::Tensor& y) {
  switch (loss) {
    case Loss::mse: return (f - y) / rows(f);
    case Loss::mse_sum: return (f - y) * (2 / rows(f));
    case Loss::cross_entropy: return (at::softmax(f, 1) * y.sum(1, true) - y) / rows(f);
    case Loss::logistic: return -y * at::sigmoid(-y * f) / rows(f);
  }
  throw std::logic_error("unknown loss");
}

at::Tensor loss_curvature(Loss loss, const at::Tensor& f, const at::Tensor& y, const at::Tensor& u) {
  switch (loss) {
    case Loss::mse: return u / rows(f);
    case Loss::mse_sum: return u * (2 / rows(f));
    case Loss::cross_entropy: {
      const at::Tensor p = at::softmax(f, 1);
      const at::Tensor pu = p * u;
      return (pu - p * pu.sum(1, true)) * (y.sum(1, true) / rows(f));
    }
    case Loss::logistic: {
      const at::Tensor s = at::sigmoid(-y * f);
      return y.square() * s * (1 - s) * u / rows(f);
    }
  }
  throw std::logic_error("unknown loss");
}

at::Tensor loss_curvature_root(Loss loss, const at::Tensor& f, const at::Tensor& y, const at::Tensor& u) {
  switch (loss) {
    case Loss::mse: return u.clone();
    case Loss::mse_sum: return u * std::sqrt(2.0);
    case Loss::cross_entropy: {
      // R = diag(√p) − p √pᵀ: R Rᵀ = diag(p) − p pᵀ, since √p is a unit vector.
      const at::Tensor p = at::softmax(f, 1);
      const at::Tensor ru = p.sqrt() * u;
      return (ru - p * ru.sum(1, true)) * y.sum(1, true).sqrt();
    }
    case Loss::logistic: {
      const at::Tensor s = at::sigmoid(-y * f);
      return y.abs() * (s * (1 - s)).sqrt() * u;
    }
  }
  throw std::logic_error("unknown loss");
}

at::Tensor smoothed_targets(const at::Tensor& y, double smoothing) {
  return y * (1 - smoothing) + smoothing / static_cast<double>(y.size(1));
}

at::Tensor sampled_targets(Loss loss, const at::Tensor& f, RandomStream& random) {
  at::Tensor y = at::zeros({f.size(0), f.size(1)}, at::kDouble);
  auto out = y.accessor<double, 2>();
  const auto fill = [&](const auto& value) {
    for (std::int64_t i = 0; i < f.size(0); ++i) {
      for (std::int64_t c = 0; c < f.size(1); ++c) out[i][c] = value(i, c);
    }
  };
  if (is_squared(loss)) {
    const double size = std::sqrt(1 / squared_loss_scale(loss));
    const auto mean = f.accessor<double, 2>();
    fill([&](std::int64_t i, std::int64_t c) { return mean[i][c] + size * random.sign(); });
  } else if (loss == Loss::logistic) {
    const at::Tensor p = at::sigmoid(f);
    const auto chance = p.accessor<double, 2>();
    fill([&](std::int64_t i, std::int64_t c) { return random.uniform() < chance[i][c] ? 1.0 : -1.0; });
  } else {
    const at::Tensor p = at::softmax(f, 1);
    const auto chance = p.accessor<double, 2>();
    for (std::int64_t i = 0; i < f.size(0); ++i) {
      double left = random.uniform();
      std::int64_t c = 0;
      while (c + 1 < f.size(1) && left >= chance[i][c]) left -= chance[i][c++];
      out[i][c] = 1;
    }
  }
  return y;
}

}  // namespace edgesweep
