#include <ATen/ATen.h>

#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "workers/data/dataset.hpp"

namespace edgesweep {
namespace {

/// One-dimensional regression (Cohen et al. 2021): inputs x evenly spaced on [−1, 1], both ends included, and as targets the
/// Chebyshev polynomial of the first kind T_k(x) = cos(k arccos x).
class Chebyshev final : public DatasetFamily {
 public:
  Json canonical(ObjectReader reader) const override {
    Json result;
    result["name"] = reader.choice("name", {"chebyshev"});
    result["degree"] = reader.integer("degree", 0, 1000, 3);
    result["points"] = reader.integer("points", 2, 1'000'000, 20);
    reader.finish();
    return result;
  }

  std::int64_t train_count(const Json& canonical) const override { return canonical.at("points"); }
  std::vector<std::int64_t> input_shape(const Json&) const override { return {1}; }
  std::int64_t outputs(const Json&) const override { return 1; }

  TrainTest load(const Json& canonical, const std::string&) const override {
    const std::int64_t points = canonical.at("points"), degree = canonical.at("degree");
    Examples train{at::empty({points, 1}, at::kFloat), at::empty({points, 1}, at::kFloat), {}};
    for (std::int64_t i = 0; i < points; ++i) {
      const double x = static_cast<double>(2 * i - (points - 1)) / static_cast<double>(points - 1);
      train.inputs.data_ptr<float>()[i] = static_cast<float>(x);
      train.targets.data_ptr<float>()[i] = static_cast<float>(std::cos(static_cast<double>(degree) * std::acos(x)));
    }
    return {train, {train.inputs.narrow(0, 0, 0), train.targets.narrow(0, 0, 0), {}}};
  }

  std::string check(const Json&, const std::string&) const override { return {}; }
};

const RegisterDataset registered{"chebyshev", std::make_unique<Chebyshev>()};

}  // namespace
}  // namespace edgesweep
