#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "analysis/phase.hpp"

namespace edgesweep {

/// Where something happens along the η axis of one batch size. `lower` is the last grid point before, `upper`
/// the first one after; NaN where the grid has none. `eta` lies between them, NaN unless both exist.
struct Crossing {
  double eta;
  double lower;
  double upper;
};

struct GridValue {
  double eta;
  double value;  ///< NaN: no value here, the point is passed over
};

/// The smallest η at which `value` rises to `threshold`: the first two neighbours with value < threshold ≤
/// next value. Interpolated with log value linear in log η; the geometric mean of the two where a value is
/// not positive and finite. `points` in any order.
Crossing rising_crossing(std::vector<GridValue> points, double threshold);

/// Where training diverges: between the first diverged η and the last converged one below it, at their
/// geometric mean. Cells without an ended trial are passed over. `cells` are those of one batch size, in any
/// order.
Crossing divergence_crossing(std::vector<CellSummary> cells);

/// ηλ_max at which plain gradient descent with heavy-ball momentum μ loses stability: 2(1+μ) (theory.md
/// section 1).
double eta_lambda_edge(double momentum);

/// All boundaries of one batch size; `crossings` are in the order of BoundarySummary::names.
struct BatchBoundary {
  std::int64_t batch;
  /// False at full batch, κ = 0: K is 0 there up to the deterministic edge and infinite beyond, and its
  /// crossing of 1 says nothing of noise.
  bool has_noise;
  /// η = 2(1+μ)/λ_max, with λ_max of `edge_matrix` before the first step, the mean over the cells; known
  /// beyond the grid as well. NaN if it was not measured.
  double edge_eta;
  std::vector<Crossing> crossings;
  std::vector<double> exact;  ///< η*, as BoundarySummary::exact_names; NaN where there is none
};

struct BoundarySummary {
  double edge;                      ///< ηλ_max of the deterministic edge
  std::string edge_matrix;          ///< whose λ_max edge_eta is from: hessian, or ntk without it
  std::vector<std::string> names;   ///< e.g. eta_K1_initial
  std::vector<std::string> titles;  ///< one line each for people
  /// The columns eta_star_… of the store: the η at which a measure of the linear model is 1
  /// (analysis/exact_boundary.hpp).
  std::vector<std::string> exact_names;
  std::vector<BatchBoundary> rows;  ///< by batch

  /// Position of a boundary in `names`; −1 if the sweep did not measure what it needs.
  std::int64_t find(const std::string& name) const;
  bool has_exact(const std::string& name) const;
  /// η of a boundary in a row of `rows`: of `names` or `exact_names`. NaN where it is not known.
  double eta(const BatchBoundary& row, const std::string& name) const;
};
/// `phase` is that of `data`.
BoundarySummary summarise_boundaries(const SweepData& data, const PhaseSummary& phase);

/// One row a batch size: batch, eta_lambda_edge, x, x_lower, x_upper of every boundary, then the exact
/// boundaries with their ratios (docs/tables-and-plots.md).
Table boundary_table(const SweepData& data, const BoundarySummary& boundaries);

}  // namespace edgesweep
