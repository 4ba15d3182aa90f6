#include "workers/data/preprocess.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstdint>
#include <tuple>

namespace edgesweep {
namespace {

// Float64 copies of a whole data set would take gigabytes: work on this many rows at a time.
constexpr std::int64_t block_rows = 4096;

at::Tensor block(const at::Tensor& x, std::int64_t first) {
  return x.narrow(0, first, std::min(block_rows, x.size(0) - first)).to(at::kDouble);
}

at::Tensor feature_means(const at::Tensor& x) {
  at::Tensor sum = at::zeros({x.size(1)}, at::kDouble);
  for (std::int64_t first = 0; first < x.size(0); first += block_rows) sum += block(x, first).sum(0);
  return sum / static_cast<double>(x.size(0));
}

at::Tensor inverse_deviations(const at::Tensor& x, const at::Tensor& mean) {
  at::Tensor variance = at::zeros_like(mean);
  for (std::int64_t first = 0; first < x.size(0); first += block_rows) {
    variance += (block(x, first) - mean).square().sum(0);
  }
  variance /= static_cast<double>(x.size(0));
  // The mean of a constant feature is rounded: compare extremes, not the variance, with zero.
  const at::Tensor constant = std::get<0>(x.min(0)) == std::get<0>(x.max(0));
  return variance.rsqrt().masked_fill(constant, 0.0);
}

at::Tensor zca_matrix(const at::Tensor& x, const at::Tensor& mean, double regularization) {
  at::Tensor covariance = at::zeros({x.size(1), x.size(1)}, at::kDouble);
  for (std::int64_t first = 0; first < x.size(0); first += block_rows) {
    const at::Tensor centred = block(x, first) - mean;
    covariance.addmm_(centred.t(), centred);
  }
  covariance /= static_cast<double>(x.size(0));
  auto [eigenvalues, vectors] = at::linalg_eigh(covariance);
  eigenvalues = eigenvalues.clamp_min(0.0);
  const at::Tensor shifted = eigenvalues + regularization * eigenvalues.mean();
  // Only where all examples are equal is nothing left to scale.
  const at::Tensor scale = shifted.rsqrt().masked_fill(shifted == 0.0, 0.0);
  return at::mm(vectors * scale, vectors.t());
}

template <typename Transform>
at::Tensor by_blocks(const at::Tensor& x, const Transform& transform) {
  at::Tensor result = at::empty_like(x);
  for (std::int64_t first = 0; first < x.size(0); first += block_rows) {
    const at::Tensor part = transform(block(x, first));
    result.narrow(0, first, part.size(0)).copy_(part);
  }
  return result;
}

}  // namespace

void read_preprocess(ObjectReader& reader, Json& canonical) {
  const std::string name = reader.choice("preprocess", {"none", "standardize", "zca"}, "none");
  canonical["preprocess"] = name;
  if (name == "zca") {
    canonical["regularization"] = reader.number("regularization", Range::positive(), Preprocess{}.regularization);
  } else if (reader.has("regularization")) {
    reader.fail("regularization", "belongs to \"preprocess\": \"zca\" only, which is \"" + name + "\" here");
  }
}

Preprocess preprocess_of(const Json& canonical) {
  Preprocess preprocess;
  preprocess.name = canonical.at("preprocess").get<std::string>();
  preprocess.regularization = canonical.value("regularization", preprocess.regularization);
  return preprocess;
}

void apply_preprocess(const Preprocess& preprocess, at::Tensor& train, at::Tensor& test) {
  if (preprocess.name == "none") return;
  const at::Tensor mean = feature_means(train);
  if (preprocess.name == "standardize") {
    const at::Tensor scale = inverse_deviations(train, mean);
    const auto standardize = [&](const at::Tensor& x) { return (x - mean) * scale; };
    train = by_blocks(train, standardize);
    test = by_blocks(test, standardize);
  } else {
    const at::Tensor matrix = zca_matrix(train, mean, preprocess.regularization);
    const auto whiten = [&](const at::Tensor& x) { return at::mm(x - mean, matrix); };
    train = by_blocks(train, whiten);
    test = by_blocks(test, whiten);
  }
}

}  // namespace edgesweep
