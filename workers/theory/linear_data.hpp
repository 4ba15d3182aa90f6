#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>

#include "engine/base/json.hpp"
#include "engine/spec/object_reader.hpp"
#include "workers/linalg/kernel_norm.hpp"
#include "workers/linalg/knorm.hpp"

// Data sets of the linear model f = Jθ with one output: a kernel Θ̂ = J Jᵀ/D and targets y_i ~ N(0, 1). Random numbers come
// from the data set's own `seed`, so that all trials of a sweep share the data whatever their seed.
//
//   flat        {examples, parameters, seed}: J_ij ~ N(0, 1), a Marchenko–Pastur spectrum of trace about D
//   dispersed   {examples, exponent, trace, seed}: eigenvalues trace · (α+1)^−exponent / Σ_ν (ν+1)^−exponent, α = 1 … D, in a
//               basis drawn evenly over all rotations (Haar)
//   localised   {examples, parameters, spread, seed}: J = diag(√s) G, G_ij ~ N(0, 1), s_i = exp(spread · n_i), n_i ~ N(0, 1)
//   file        {path, examples, seed}: `ntk` or `jacobian` of an HDF5 file, one output (docs/sweep-file.md)
namespace edgesweep {

/// Float64 on the CPU.
struct LinearProblem {
  at::Tensor ntk;        ///< Θ̂, [D, D], symmetric to the last bit
  at::Tensor targets;    ///< y, [D]
  NtkSpectrum spectrum;  ///< of Θ̂; eigenvalues below D · 2⁻⁵² · λ_max are exactly 0
};

/// Reads the matrix of an HDF5 file, as `edgesweep knorm` does.
using MatrixReader = std::function<KnormMatrix(const std::string& path)>;

/// Canonical form of `experiment.dataset`. Throws InputError.
Json canonical_linear_data(ObjectReader reader);

/// `read_matrix` is called for `file` only. Throws InputError: a matrix that is not what the sweep says or no NTK (knorm.hpp).
LinearProblem linear_problem(const Json& dataset, const std::string& data_directory, const MatrixReader& read_matrix);

/// The same from a kernel: symmetric, positive semidefinite up to rounding.
LinearProblem linear_problem(const at::Tensor& ntk, std::int64_t seed);

}  // namespace edgesweep
