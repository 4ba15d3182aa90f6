#pragma once

#include <optional>

#include "analysis/boundary.hpp"
#include "analysis/gnuplot.hpp"
#include "analysis/phase.hpp"
#include "analysis/plot_style.hpp"

namespace edgesweep {

/// One phase plane: a quantity of the phase table over η (or η/B) and B.
struct PhasePlane {
  std::string name;          ///< of the files
  std::string quantity;      ///< of the phase table
  std::string title;         ///< gnuplot enhanced text
  std::string colour_label;  ///< of the colour bar, enhanced text
  std::string symbol;        ///< of the quantity, in the legend, enhanced text
  bool against_ratio;        ///< the horizontal axis is η/B instead of η
};

/// The planes that edgesweep draws, each only if its quantity was measured; the Hessian's λ_max before the
/// NTK's.
std::vector<PhasePlane> phase_planes(const PhaseSummary& phase);

/// A rectangle around a grid point in log-log coordinates: sides at the geometric means to its neighbours,
/// but no wider than usual on that axis, so that a gap in the grid stays a gap.
struct Tile {
  double x, y;
  double x_low, x_high;
  double y_low, y_high;
};

/// Tiles of cells, in their order.
std::vector<Tile> phase_tiles(const std::vector<CellSummary>& cells, bool against_ratio);

/// The line K = 1 before the first step, (η or η/B, B) a row: of each batch size eta_star_K where the store
/// has it, else where the sweep's measure of noise (K, else K_tr, K_gn) is 1; NaN at full batch. Empty if there is no point.
Rows noise_line(const BoundarySummary& boundaries, bool against_ratio);

/// The exact threshold of the linear model, λ_max(T) = 1 or, which is the same, K_full = 1 before the first
/// step, in the same form: of eta_star_T, eta_K_full1_initial, eta_T1_initial the first that is known.
Rows second_moment_line(const BoundarySummary& boundaries, bool against_ratio);

/// The line ηλ_max = 2(1+μ) before the first step in the same form, within the grid's range and beyond.
Rows edge_line(const BoundarySummary& boundaries, bool against_ratio);

/// The plane as a picture: tiles coloured by the logarithm of the quantity's mean, those at 0 and infinity
/// marked so, diverged cells crossed out, and the lines as far as they lie in the range of the tiles. Empty
/// if no cell has a positive finite value. `heading` names the sweep.
std::optional<Picture> draw_phase_plane(const PhasePlane& plane, const PhaseSummary& phase,
                                        const BoundarySummary& boundaries, const std::string& heading);

}  // namespace edgesweep
