#include "workers/models/gram.hpp"

#include <ATen/ATen.h>
#include <cblas.h>

#include <algorithm>

namespace edgesweep {
namespace {

bool on_blas(const at::Tensor& x) {
  return x.is_cpu() && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kDouble);
}

void syrk(const at::Tensor& x, at::Tensor& out) {
  const int n = static_cast<int>(x.size(0)), k = static_cast<int>(x.size(1));
  if (x.scalar_type() == at::kDouble) {
    cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, n, k, 1, x.data_ptr<double>(), k, 0,
                out.data_ptr<double>(), n);
  } else {
    cblas_ssyrk(CblasRowMajor, CblasLower, CblasNoTrans, n, k, 1, x.data_ptr<float>(), k, 0,
                out.data_ptr<float>(), n);
  }
}

template <typename Scalar>
void add_weighted_lower(const at::Tensor& g_tensor, Scalar scale, Scalar shift, const at::Tensor& s_tensor,
                        at::Tensor& sum_tensor) {
  const std::int64_t n = g_tensor.size(0), rows = sum_tensor.size(0), outputs = rows / n;
  const Scalar* g = g_tensor.data_ptr<Scalar>();
  const Scalar* s = s_tensor.defined() ? s_tensor.data_ptr<Scalar>() : nullptr;
  Scalar* sum = sum_tensor.data_ptr<Scalar>();
  for (std::int64_t r = 0; r < rows; ++r) {
    const std::int64_t i = r / outputs;
    const Scalar* g_row = g + i * n;
    Scalar* sum_row = sum + r * rows;
    if (s == nullptr) {
      for (std::int64_t j = 0, c = r % outputs; j <= i; ++j)
        sum_row[j * outputs + c] += scale * g_row[j] + shift;
      continue;
    }
    const Scalar* s_row = s + r * rows;
    if (outputs == 1) {
      for (std::int64_t j = 0; j <= i; ++j) sum_row[j] += (scale * g_row[j] + shift) * s_row[j];
      continue;
    }
    for (std::int64_t j = 0; j <= i; ++j) {
      const Scalar factor = scale * g_row[j] + shift;
      const std::int64_t end = std::min((j + 1) * outputs, r + 1);
      for (std::int64_t q = j * outputs; q < end; ++q) sum_row[q] += factor * s_row[q];
    }
  }
}

template <typename Scalar>
void scale_and_mirror_lower(at::Tensor& matrix, Scalar factor) {
  const std::int64_t n = matrix.size(0);
  Scalar* values = matrix.data_ptr<Scalar>();
  constexpr std::int64_t block = 32;  // two blocks stay in the first-level cache
  for (std::int64_t top = 0; top < n; top += block) {
    for (std::int64_t left = 0; left <= top; left += block) {
      for (std::int64_t i = top; i < std::min(top + block, n); ++i) {
        for (std::int64_t j = left; j < std::min(left + block, i + 1); ++j) {
          values[j * n + i] = values[i * n + j] *= factor;
        }
      }
    }
  }
}

}  // namespace

void gram_lower(const at::Tensor& x, at::Tensor& out) {
  if (on_blas(x)) {
    syrk(x.contiguous(), out);
  } else {
    at::mm_out(out, x, x.t());
  }
}

void add_weighted_gram(at::Tensor& g, double scale, double shift, const at::Tensor& s, at::Tensor& sum) {
  if (g.is_cpu() && g.scalar_type() == at::kDouble)
    return add_weighted_lower<double>(g, scale, shift, s, sum);
  if (g.is_cpu() && g.scalar_type() == at::kFloat) {
    return add_weighted_lower<float>(g, static_cast<float>(scale), static_cast<float>(shift), s, sum);
  }
  const std::int64_t n = g.size(0), outputs = sum.size(0) / n;
  const at::Tensor weights = g.mul_(scale).add_(shift).view({n, 1, n, 1});
  at::Tensor blocks = sum.view({n, outputs, n, outputs});
  if (s.defined()) {
    blocks.addcmul_(weights, s.view({n, outputs, n, outputs}));
  } else {
    blocks.diagonal(0, 1, 3).add_(weights.view({n, n, 1}));
  }
}

void scale_and_mirror(at::Tensor& matrix, double factor) {
  if (matrix.is_cpu() && matrix.scalar_type() == at::kDouble) {
    scale_and_mirror_lower<double>(matrix, factor);
  } else if (matrix.is_cpu() && matrix.scalar_type() == at::kFloat) {
    scale_and_mirror_lower<float>(matrix, static_cast<float>(factor));
  } else {
    matrix.mul_(factor).tril_();
    matrix.add_(matrix.tril(-1).t());
  }
}

}  // namespace edgesweep
