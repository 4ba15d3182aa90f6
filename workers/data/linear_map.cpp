#include <ATen/ATen.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "workers/data/dataset.hpp"
#include "workers/data/philox.hpp"

namespace edgesweep {
namespace {

constexpr std::int64_t most_size = 2000;

/// n × n of N(0, 1), a row a stream.
at::Tensor normals(std::int64_t seed, RandomUse use, std::int64_t n) {
  at::Tensor result = at::empty({n, n}, at::kDouble);
  double* out = result.data_ptr<double>();
  for (std::int64_t row = 0; row < n; ++row) {
    RandomStream stream(static_cast<std::uint64_t>(seed), use, static_cast<std::uint64_t>(row));
    for (std::int64_t column = 0; column < n; ++column) *out++ = stream.normal();
  }
  return result;
}

/// The task of a deep linear net (Cohen et al. 2021): n examples of n features, whitened, X = √n Q with Q orthogonal, and
/// the targets Y = X Aᵀ of a random linear map A of N(0, 1), n × n. XᵀX/n = I: the loss of a map M is ½ ‖M − A‖²_F.
class LinearMap final : public DatasetFamily {
 public:
  Json canonical(ObjectReader reader) const override {
    Json result;
    result["name"] = reader.choice("name", {"linear_map"});
    result["size"] = reader.integer("size", 1, most_size, 50);
    result["seed"] = reader.integer("seed", 0, std::numeric_limits<std::int64_t>::max(), 0);
    reader.finish();
    return result;
  }

  std::int64_t train_count(const Json& canonical) const override { return canonical.at("size"); }
  std::vector<std::int64_t> input_shape(const Json& canonical) const override { return {canonical.at("size")}; }
  std::int64_t outputs(const Json& canonical) const override { return canonical.at("size"); }

  TrainTest load(const Json& canonical, const std::string&) const override {
    const std::int64_t n = canonical.at("size"), seed = canonical.at("seed");
    // The orthogonal factor of a Gaussian matrix is Haar once R's diagonal is made positive (Mezzadri 2007).
    const auto [q, r] = at::linalg_qr(normals(seed, RandomUse::linear_map_inputs, n));
    const at::Tensor x = q * r.diagonal().sign() * std::sqrt(static_cast<double>(n));
    const at::Tensor y = at::mm(x, normals(seed, RandomUse::linear_map, n).t());
    const Examples train{x.to(at::kFloat).contiguous(), y.to(at::kFloat).contiguous(), {}};
    return {train, {train.inputs.narrow(0, 0, 0), train.targets.narrow(0, 0, 0), {}}};
  }

  std::string check(const Json&, const std::string&) const override { return {}; }
};

const RegisterDataset registered{"linear_map", std::make_unique<LinearMap>()};

}  // namespace
}  // namespace edgesweep
