#include "workers/theory/linear_data.hpp"

#include <ATen/ATen.h>

#include <limits>
#include <utility>

#include "engine/base/error.hpp"
#include "workers/data/philox.hpp"
#include "workers/linalg/checked_ntk.hpp"

namespace edgesweep {
namespace {

constexpr std::int64_t kMaxParameters = 1'000'000;
constexpr std::int64_t kMaxEntries = 250'000'000;  // of a Jacobian: 2 GB

/// [rows, columns] of N(0, 1); a row does not depend on how many there are.
at::Tensor normals(std::int64_t seed, RandomUse use, std::int64_t rows, std::int64_t columns) {
  at::Tensor result = at::empty({rows, columns}, at::kDouble);
  double* out = result.data_ptr<double>();
  for (std::int64_t row = 0; row < rows; ++row) {
    RandomStream stream(static_cast<std::uint64_t>(seed), use, static_cast<std::uint64_t>(row));
    for (std::int64_t column = 0; column < columns; ++column) *out++ = stream.normal();
  }
  return result;
}

at::Tensor gram(const at::Tensor& jacobian) {
  const at::Tensor product = at::mm(jacobian, jacobian.t()).div_(static_cast<double>(jacobian.size(0)));
  return (product + product.t()).div_(2);
}

at::Tensor random_jacobian(const Json& dataset) {
  return normals(dataset.at("seed"), RandomUse::linear_jacobian, dataset.at("examples"), dataset.at("parameters"));
}

at::Tensor dispersed_ntk(const Json& dataset) {
  const std::int64_t n = dataset.at("examples");
  const at::Tensor powers = at::arange(2, n + 2, at::kDouble).pow(-dataset.at("exponent").get<double>());
  const at::Tensor lambda = powers * (dataset.at("trace").get<double>() / powers.sum().item<double>());
  // The orthogonal factor of a Gaussian matrix is Haar once R's diagonal is made positive (Mezzadri 2007).
  const auto [q, r] = at::linalg_qr(normals(dataset.at("seed"), RandomUse::linear_basis, n, n));
  const at::Tensor rotated = q * r.diagonal().sign() * lambda.sqrt();
  const at::Tensor product = at::mm(rotated, rotated.t());
  return (product + product.t()).div_(2);
}

at::Tensor localised_ntk(const Json& dataset) {
  const std::int64_t n = dataset.at("examples");
  const at::Tensor s = (dataset.at("spread").get<double>() *
                        normals(dataset.at("seed"), RandomUse::linear_scale, n, 1)).exp_();
  return gram(s.sqrt() * random_jacobian(dataset));
}

at::Tensor ntk_from_file(const Json& dataset, const std::string& path, const MatrixReader& read_matrix) {
  const std::int64_t examples = dataset.at("examples");
  KnormMatrix matrix = read_matrix(path);
  if (matrix.outputs != 1) {
    throw InputError(path, "has outputs = " + std::to_string(matrix.outputs) + "; the linear model has one");
  }
  if (matrix.rows != examples) {
    throw InputError(path, "has " + std::to_string(matrix.rows) +
                               " rows; experiment.dataset.examples is " + std::to_string(examples));
  }
  return checked_ntk(std::move(matrix), examples, path);
}

at::Tensor random_targets(std::int64_t seed, std::int64_t examples) {
  return normals(seed, RandomUse::linear_target, 1, examples).squeeze(0);
}

NtkSpectrum without_rounded_modes(NtkSpectrum spectrum) {
  at::Tensor& lambda = spectrum.eigenvalues;
  const double cut = static_cast<double>(lambda.size(0)) * 0x1p-52 * lambda[-1].item<double>();
  lambda = at::where(lambda >= cut, lambda, at::zeros_like(lambda));
  return spectrum;
}

}  // namespace

Json canonical_linear_data(ObjectReader reader) {
  const std::string name = reader.choice("name", {"flat", "dispersed", "localised", "file"});
  const std::int64_t examples = reader.integer("examples", 1, kMaxKernelRows);
  Json canonical = {{"name", name}, {"examples", examples}};
  canonical["seed"] = reader.integer("seed", 0, std::numeric_limits<std::int32_t>::max(), 0);
  if (name == "flat" || name == "localised") {
    const std::int64_t parameters = reader.integer("parameters", 1, kMaxParameters, examples);
    if (parameters > kMaxEntries / examples) {
      reader.fail("parameters", "makes a Jacobian of more than " + std::to_string(kMaxEntries) + " entries");
    }
    canonical["parameters"] = parameters;
  }
  if (name == "dispersed") {
    canonical["exponent"] = reader.number("exponent", Range::between(0, 20), 1.5);
    canonical["trace"] = reader.number("trace", Range::positive(), static_cast<double>(examples));
  }
  if (name == "localised") canonical["spread"] = reader.number("spread", Range::between(0, 20), 2.0);
  if (name == "file") canonical["path"] = reader.text("path");
  reader.finish();
  return canonical;
}

LinearProblem linear_problem(const at::Tensor& ntk, std::int64_t seed) {
  return {ntk, random_targets(seed, ntk.size(0)), without_rounded_modes(ntk_spectrum(ntk, 1))};
}

LinearProblem linear_problem(const Json& dataset, const std::string& data_directory, const MatrixReader& read_matrix) {
  const std::string name = dataset.at("name");
  const std::int64_t seed = dataset.at("seed");
  if (name == "flat") return linear_problem(gram(random_jacobian(dataset)), seed);
  if (name == "dispersed") return linear_problem(dispersed_ntk(dataset), seed);
  if (name == "localised") return linear_problem(localised_ntk(dataset), seed);
  const std::string path = data_directory + "/" + dataset.at("path").get<std::string>();
  const at::Tensor ntk = ntk_from_file(dataset, path, read_matrix);
  NtkSpectrum spectrum = ntk_spectrum(ntk, 1);
  check_positive(spectrum, path);
  if (spectrum.trace == 0) throw InputError(path, "the NTK is zero: nothing moves");
  return {ntk, random_targets(seed, ntk.size(0)), without_rounded_modes(std::move(spectrum))};
}

}  // namespace edgesweep
