#include "workers/linalg/top_eigenpairs.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace edgesweep {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// An orthonormal basis, the products H v of its vectors, and the projected matrix.
class Subspace {
 public:
  Subspace(SymmetricOperator& op, std::int64_t capacity, const at::TensorOptions& options)
      : op_(op),
        basis_(at::empty({capacity, op.size()}, options)),
        products_(at::empty({capacity, op.size()}, options)),
        projected_(at::zeros({capacity, capacity}, at::kDouble)) {}

  std::int64_t size() const { return size_; }
  bool full() const { return size_ == basis_.size(0); }
  std::int64_t matvecs() const { return matvecs_; }

  /// Adds the part of `vector` that is orthogonal to the basis. False if there is none to speak of.
  bool add(at::Tensor vector) {
    const double given = vector.norm().item<double>();
    if (!(given > 0)) return false;
    double norm = given;
    const at::Tensor known = basis_.narrow(0, 0, size_);
    for (int pass = 0; pass < 3 && size_ > 0; ++pass) {
      const double before = norm;
      vector = vector - known.t().mv(known.mv(vector));
      norm = vector.norm().item<double>();
      if (norm > 0.7 * before) break;  // nothing was cancelled, so rounding left nothing behind
    }
    if (!(norm > 1e-5 * given)) return false;
    basis_[size_].copy_(vector / norm);
    products_[size_].copy_(op_.apply(basis_[size_]));
    ++matvecs_;
    ++size_;
    const at::Tensor row = basis_.narrow(0, 0, size_).mv(products_[size_ - 1]).to(at::kCPU, at::kDouble);
    projected_[size_ - 1].narrow(0, 0, size_).copy_(row);
    projected_.select(1, size_ - 1).narrow(0, 0, size_).copy_(row);
    return true;
  }

  /// Ritz values, descending. False if they are not finite.
  bool solve() {
    const at::Tensor matrix = projected_.narrow(0, 0, size_).narrow(1, 0, size_);
    if (!at::isfinite(matrix.sum()).item<bool>()) return false;
    const auto [values, vectors] = at::linalg_eigh(matrix);
    const at::Tensor descending = values.flip(0).contiguous();
    ritz_.assign(descending.data_ptr<double>(), descending.data_ptr<double>() + size_);
    ritz_values_ = descending;
    coefficients_ = vectors.flip(1).t().to(basis_.options()).contiguous();
    return true;
  }

  const std::vector<double>& ritz() const { return ritz_; }

  at::Tensor residual(std::int64_t i) const {
    const at::Tensor c = coefficients_[i];
    return products_.narrow(0, 0, size_).t().mv(c).sub_(basis_.narrow(0, 0, size_).t().mv(c), ritz_[i]);
  }

  /// The `count` uppermost Ritz pairs.
  KnownSpectrum ritz_pairs(std::int64_t count) const {
    count = std::min(count, size_);
    const at::Tensor c = coefficients_.narrow(0, 0, count);
    return {at::mm(c, basis_.narrow(0, 0, size_)), ritz_values_.narrow(0, 0, count)};
  }

  /// Keeps the `count` uppermost Ritz vectors only. Needs no products.
  void shrink(std::int64_t count) {
    const at::Tensor c = coefficients_.narrow(0, 0, count);
    const at::Tensor kept = at::mm(c, products_.narrow(0, 0, size_));
    basis_.narrow(0, 0, count).copy_(ritz_pairs(count).vectors);
    products_.narrow(0, 0, count).copy_(kept);
    size_ = count;
    projected_.zero_();
    for (std::int64_t i = 0; i < count; ++i) projected_[i][i] = ritz_[i];
    solve();
  }

 private:
  SymmetricOperator& op_;
  at::Tensor basis_;
  at::Tensor products_;
  at::Tensor projected_;
  at::Tensor coefficients_;
  at::Tensor ritz_values_;
  std::vector<double> ritz_;
  std::int64_t size_ = 0;
  std::int64_t matvecs_ = 0;
};

/// What θ will still gain, if its increments go on as a geometric series. They do so at a rate that varies: it is taken
/// no better than 1/2 and no worse than 0.9.
double remaining_gain(const std::vector<double>& history) {
  const std::size_t n = history.size();
  if (n < 2) return std::numeric_limits<double>::infinity();
  const double last = std::abs(history[n - 1] - history[n - 2]);
  if (last == 0) return 0;
  double rate = 0.9;
  if (n > 2) rate = std::clamp(last / std::abs(history[n - 2] - history[n - 3]), 0.5, 0.9);
  return last * rate / (1 - rate);
}

/// By how much the estimate r · correction(r) may fall short of the error, with `products` so far for an eigenvalue. Seen
/// on networks early in training, whose next eigenvalues lie 1 to 3 % below: up to 7 after 5 products, 4 after 7 and more.
double shortfall(std::int64_t products) { return std::max(3.0, 11.0 - static_cast<double>(products)); }

/// The accuracy wanted of Ritz value i.
double goal_of(const std::vector<double>& ritz, std::size_t i, double tolerance, double rounding) {
  // An eigenvalue near 0 beside large ones can't be had to its own relative accuracy.
  const double norm = std::max(std::abs(ritz.front()), std::abs(ritz.back()));
  return std::max(tolerance * std::max(std::abs(ritz[i]), 1e-3 * norm), rounding * norm);
}

TopEigenpairs search(SymmetricOperator& op, const at::Tensor& start, const KnownSpectrum& known,
                     const TopEigenpairsSettings& settings) {
  const std::int64_t wanted = std::min(settings.count, op.size());
  const std::int64_t capacity = std::min(op.size(), std::max<std::int64_t>(40, 3 * settings.count + 24));
  const double rounding = start.scalar_type() == at::kDouble ? 1e-13 : 1e-5;
  const double tolerance = std::max(settings.tolerance, rounding);
  Subspace space(op, capacity, start.options());
  for (std::int64_t i = 0; i < start.size(0) && !space.full() && space.matvecs() < settings.max_matvecs; ++i) {
    space.add(start[i]);
  }

  TopEigenpairs result;
  std::vector<std::vector<double>> histories(static_cast<std::size_t>(wanted));
  while (true) {
    if (!space.solve()) {
      result = {};
      result.values.assign(static_cast<std::size_t>(settings.count), kNaN);
      result.residuals = result.values;
      result.matvecs = space.matvecs();
      return result;
    }
    const std::int64_t available = std::min(wanted, space.size());
    result.residuals.clear();
    at::Tensor next, fallback;
    for (std::int64_t i = 0; i < available; ++i) {
      const auto pair = static_cast<std::size_t>(i);
      const double theta = space.ritz()[pair];
      const double goal = goal_of(space.ritz(), pair, tolerance, rounding);
      histories[pair].push_back(theta);
      const at::Tensor residual = space.residual(i);
      result.residuals.push_back(residual.norm().item<double>());
      if (result.residuals.back() <= goal / 2) continue;
      at::Tensor step = residual;
      if (known.defined() && theta != 0) {
        step = correction(known, theta, residual);
        const double missing = residual.dot(step).item<double>();
        if (missing <= goal / shortfall(space.size() / available) && remaining_gain(histories[pair]) <= goal) continue;
      }
      if (!next.defined()) next = step, fallback = residual;
    }
    result.converged = available == wanted && !next.defined();
    if (result.converged || space.size() == op.size() || space.matvecs() >= settings.max_matvecs) break;
    // An invariant subspace smaller than wanted has no residual left; nothing more can be found from this start.
    if (space.full()) space.shrink(std::min(settings.count + 12, space.size() - 1));
    if (!next.defined() || !(space.add(next) || space.add(fallback))) break;
  }
  result.values.assign(space.ritz().begin(),
                       space.ritz().begin() + static_cast<std::ptrdiff_t>(result.residuals.size()));
  result.converged = result.converged || space.size() == op.size();
  result.known = renewed(known, space.ritz_pairs(space.size()), settings.count, settings.count + 11);
  result.matvecs = space.matvecs();
  return result;
}

}  // namespace

TopEigenpairs top_eigenpairs(SymmetricOperator& op, const at::Tensor& start, const TopEigenpairsSettings& settings) {
  return search(op, start, {}, settings);
}

TopEigenpairs top_eigenpairs(SymmetricOperator& op, const KnownSpectrum& known, const TopEigenpairsSettings& settings) {
  return search(op, start_vectors(known, settings.count), known, settings);
}

}  // namespace edgesweep
