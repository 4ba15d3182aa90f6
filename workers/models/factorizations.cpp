#include <ATen/ATen.h>

#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "engine/base/error.hpp"
#include "workers/data/philox.hpp"
#include "workers/models/model.hpp"

// Products of parameters, the smallest models with an edge of stability (Andreyev & Beneventano 2024, section 5 and
// appendix): their Hessians are known in closed form.
namespace edgesweep {
namespace {

/// A model whose parameters all start as independent normal numbers of one deviation.
class Factorization : public Model {
 public:
  explicit Factorization(double deviation) : deviation_(deviation) {}

  const std::vector<Parameter>& parameters() const override { return parameters_; }
  std::int64_t outputs() const override { return 1; }
  at::Tensor initial_parameters(std::uint64_t key) const override {
    at::Tensor theta = at::empty({parameter_count()}, at::kFloat);
    RandomStream stream(key, RandomUse::initial_parameters);
    for (std::int64_t i = 0; i < theta.size(0); ++i) theta.data_ptr<float>()[i] = static_cast<float>(deviation_ * stream.normal());
    return theta;
  }
  double forward_flops() const override { return static_cast<double>(parameter_count()); }

 protected:
  void add(const std::string& name, std::vector<std::int64_t> shape) {
    const std::int64_t count = std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
    parameters_.push_back({name, std::move(shape), parameter_count(), count});
  }
  at::Tensor part(const at::Tensor& theta, std::size_t index) const {
    const Parameter& p = parameters_[index];
    return theta.narrow(0, p.offset, p.count).view(p.shape);
  }

 private:
  double deviation_;
  std::vector<Parameter> parameters_;
};

/// f(x) = Σ_j a_j b_j x_j.
class DiagonalLinear final : public Factorization {
 public:
  DiagonalLinear(std::int64_t features, double deviation) : Factorization(deviation) {
    add("a", {features});
    add("b", {features});
  }

  at::Tensor forward(const at::Tensor& theta, const at::Tensor& inputs) const override {
    return at::mv(inputs, part(theta, 0) * part(theta, 1)).unsqueeze(1);
  }
};

/// f(x) = Σ_ij x_ij (U Vᵀ)_ij for x a row of rows × columns numbers: a unit vector asks for one entry. Tied: U Uᵀ.
class MatrixCompletion final : public Factorization {
 public:
  MatrixCompletion(std::int64_t rows, std::int64_t columns, std::int64_t rank, bool tied, double deviation)
      : Factorization(deviation), tied_(tied) {
    add("u", {rows, rank});
    if (!tied) add("v", {columns, rank});
  }

  at::Tensor forward(const at::Tensor& theta, const at::Tensor& inputs) const override {
    const at::Tensor u = part(theta, 0), v = tied_ ? u : part(theta, 1);
    return at::mv(inputs, at::mm(u, v.t()).flatten()).unsqueeze(1);
  }

 private:
  bool tied_;
};

std::int64_t features_of(const std::vector<std::int64_t>& shape) {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}

void require_one_output(const std::string& model, std::int64_t outputs) {
  if (outputs != 1) throw InputError("experiment.model", model + " has one output, the data set's target has " + std::to_string(outputs));
}

class DiagonalLinearFamily final : public ModelFamily {
 public:
  Json canonical(ObjectReader reader) const override {
    Json result = {{"name", reader.choice("name", {"diagonal_linear"})},
                   {"init_scale", reader.number("init_scale", Range::positive(), 1.0)}};
    reader.finish();
    return result;
  }

  std::unique_ptr<Model> make(const Json& canonical, const std::vector<std::int64_t>& input_shape,
                              std::int64_t outputs) const override {
    require_one_output("diagonal_linear", outputs);
    return std::make_unique<DiagonalLinear>(features_of(input_shape), canonical.at("init_scale").get<double>());
  }
};

class MatrixCompletionFamily final : public ModelFamily {
 public:
  Json canonical(ObjectReader reader) const override {
    Json result = {{"name", reader.choice("name", {"matrix_completion"})},
                   {"rows", reader.integer("rows", 1, 1 << 15, 2)},
                   {"columns", reader.integer("columns", 1, 1 << 15, 2)},
                   {"rank", reader.integer("rank", 1, 1 << 15, 1)},
                   {"tied", reader.boolean("tied", false)},
                   {"init_scale", reader.number("init_scale", Range::positive(), 1.0)}};
    if (result["tied"].get<bool>() && result["rows"] != result["columns"]) reader.fail("tied", "needs as many rows as columns");
    reader.finish();
    return result;
  }

  std::unique_ptr<Model> make(const Json& canonical, const std::vector<std::int64_t>& input_shape,
                              std::int64_t outputs) const override {
    require_one_output("matrix_completion", outputs);
    const std::int64_t rows = canonical.at("rows"), columns = canonical.at("columns");
    if (features_of(input_shape) != rows * columns) {
      throw InputError("experiment.model", "matrix_completion: an input has " + std::to_string(features_of(input_shape)) +
                                               " numbers, the matrix " + std::to_string(rows * columns));
    }
    return std::make_unique<MatrixCompletion>(rows, columns, canonical.at("rank").get<std::int64_t>(),
                                              canonical.at("tied").get<bool>(), canonical.at("init_scale").get<double>());
  }
};

const RegisterModel diagonal_linear{"diagonal_linear", std::make_unique<DiagonalLinearFamily>()};
const RegisterModel matrix_completion{"matrix_completion", std::make_unique<MatrixCompletionFamily>()};

}  // namespace
}  // namespace edgesweep
