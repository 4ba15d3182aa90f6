#include "workers/data/preprocess.hpp"

#include <ATen/ATen.h>

namespace edgesweep {
namespace {

constexpr const char* by_channel = "standardize_channels";

/// (x − mean) × scale of each feature.
struct Scaling {
  at::Tensor mean, scale;
};

Scaling fitted_scaling(const Moments& moments) {
  return {moments.mean, moments.variance.rsqrt().masked_fill(moments.low == moments.high, 0.0)};
}

Scaling given_scaling(const Preprocess& preprocess, std::int64_t features) {
  const auto repeated = [&](const std::vector<double>& values) {
    return at::tensor(values, at::kDouble).repeat_interleave(features / static_cast<std::int64_t>(values.size()));
  };
  return {repeated(preprocess.mean), repeated(preprocess.std).reciprocal()};
}

Scaling scaling(const Preprocess& preprocess, std::int64_t channels, const RowBlocks& fitted_on, std::int64_t features) {
  if (!preprocess.mean.empty()) return given_scaling(preprocess, features);
  const Moments moments = feature_moments(fitted_on);
  return fitted_scaling(preprocess.name == by_channel ? channel_moments(moments, channels) : moments);
}

at::Tensor zca_matrix(const RowBlocks& fitted_on, const at::Tensor& mean, double regularization) {
  auto [eigenvalues, vectors] = at::linalg_eigh(covariance(fitted_on, mean));
  eigenvalues = eigenvalues.clamp_min(0.0);
  const at::Tensor shifted = eigenvalues + regularization * eigenvalues.mean();
  // Only where all examples are equal is nothing left to scale.
  const at::Tensor scale = shifted.rsqrt().masked_fill(shifted == 0.0, 0.0);
  return at::mm(vectors * scale, vectors.t());
}

/// transform(block in float64), block after block: float64 copies of a whole data set would take gigabytes.
template <typename Transform>
at::Tensor by_blocks(const at::Tensor& x, const Transform& transform) {
  at::Tensor result = at::empty_like(x);
  std::int64_t first = 0;
  blocks_of(x)([&](const at::Tensor& block) {
    result.narrow(0, first, block.size(0)).copy_(transform(block.to(at::kDouble)));
    first += block.size(0);
  });
  return result;
}

std::vector<double> channel_numbers(ObjectReader& reader, const std::string& key, Range each, std::int64_t channels) {
  std::vector<double> numbers = reader.numbers(key, each);
  if (static_cast<std::int64_t>(numbers.size()) != channels) {
    reader.fail(key, "has " + std::to_string(numbers.size()) + " numbers; must have " + std::to_string(channels) +
                         ", one of each channel");
  }
  return numbers;
}

}  // namespace

void read_preprocess(ObjectReader& reader, std::int64_t channels, Json& canonical) {
  const std::string name = reader.choice("preprocess", {"none", "standardize", by_channel, "zca"}, "none");
  canonical["preprocess"] = name;
  const auto belongs_to = [&](const char* key, const std::string& allowed) {
    reader.fail(key, "belongs to \"preprocess\": " + allowed + " only, which is \"" + name + "\" here");
  };
  if (name == "zca") {
    canonical["regularization"] = reader.number("regularization", Range::positive(), Preprocess{}.regularization);
  } else if (reader.has("regularization")) {
    belongs_to("regularization", "\"zca\"");
  }

  const bool has_mean = reader.has("mean"), has_std = reader.has("std");
  if (has_mean || has_std) {
    if (name != by_channel) belongs_to(has_mean ? "mean" : "std", "\"standardize_channels\"");
    canonical["mean"] = channel_numbers(reader, "mean", Range::any(), channels);
    canonical["std"] = channel_numbers(reader, "std", Range::positive(), channels);
  }

  if (!reader.has("fit")) return;
  if (name == "none") belongs_to("fit", "\"standardize\", \"standardize_channels\" or \"zca\"");
  if (has_mean) reader.fail("fit", "has no meaning with \"mean\" and \"std\": nothing is fitted");
  if (reader.choice("fit", {"train", "all"}) == "all") canonical["fit"] = "all";
}

Preprocess preprocess_of(const Json& canonical) {
  Preprocess preprocess;
  preprocess.name = canonical.at("preprocess").get<std::string>();
  preprocess.regularization = canonical.value("regularization", preprocess.regularization);
  preprocess.mean = canonical.value("mean", preprocess.mean);
  preprocess.std = canonical.value("std", preprocess.std);
  preprocess.fits_all = canonical.value("fit", "train") == "all";
  return preprocess;
}

void apply_preprocess(const Preprocess& preprocess, std::int64_t channels, const RowBlocks& fitted_on, at::Tensor& train,
                      at::Tensor& test) {
  if (preprocess.name == "none") return;
  const auto apply = [&](const auto& transform) {
    train = by_blocks(train, transform);
    test = by_blocks(test, transform);
  };
  if (preprocess.name == "zca") {
    const at::Tensor mean = feature_means(fitted_on);
    const at::Tensor matrix = zca_matrix(fitted_on, mean, preprocess.regularization);
    apply([&](const at::Tensor& x) { return at::mm(x - mean, matrix); });
  } else {
    const auto [mean, scale] = scaling(preprocess, channels, fitted_on, train.size(1));
    apply([mean = mean, scale = scale](const at::Tensor& x) { return (x - mean) * scale; });
  }
}

void apply_preprocess(const Preprocess& preprocess, std::int64_t channels, at::Tensor& train, at::Tensor& test) {
  const at::Tensor fitted_on = train;  // `train` is replaced
  apply_preprocess(preprocess, channels, blocks_of(fitted_on), train, test);
}

}  // namespace edgesweep
