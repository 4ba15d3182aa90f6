#pragma once

#include <ATen/core/Tensor.h>

#include <utility>

#include "workers/models/model.hpp"

namespace edgesweep {

/// A matrix as an operator, for tests; counts its products.
class DenseOperator final : public SymmetricOperator {
 public:
  explicit DenseOperator(at::Tensor matrix) : matrix_(std::move(matrix)) {}
  std::int64_t size() const override { return matrix_.size(0); }
  at::Tensor apply(const at::Tensor& v) override {
    ++products_;
    return matrix_.mv(v);
  }
  std::int64_t products() const { return products_; }

 private:
  at::Tensor matrix_;
  std::int64_t products_ = 0;
};

/// A diagonal matrix: any spectrum at any size. Krylov methods see only the start's coordinates in the eigenbasis, so
/// with a random start it stands for every matrix of this spectrum.
class DiagonalOperator final : public SymmetricOperator {
 public:
  explicit DiagonalOperator(at::Tensor eigenvalues) : eigenvalues_(std::move(eigenvalues)) {}
  std::int64_t size() const override { return eigenvalues_.size(0); }
  at::Tensor apply(const at::Tensor& v) override { return eigenvalues_ * v; }

 private:
  at::Tensor eigenvalues_;
};

}  // namespace edgesweep
