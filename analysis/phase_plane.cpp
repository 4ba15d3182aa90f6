#include "analysis/phase_plane.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "analysis/heading.hpp"
#include "analysis/noise_measure.hpp"
#include "analysis/table_text.hpp"

namespace edgesweep {
namespace {

/// At most five decades of colour, down from the greatest value: the cells that matter stay apart.
Limits colour_limits(const std::vector<CellSummary>& cells, const PhaseSummary& phase,
                     const std::string& quantity) {
  Limits limits;
  for (const CellSummary& cell : cells) {
    if (cell.is_converged()) limits.include(phase.mean(cell, quantity));
  }
  if (limits.empty()) return limits;
  limits.low = std::max(limits.low, limits.high * 1e-5);
  limits.widen_to(1.5);
  return limits;
}

std::vector<std::int64_t> batches_of(const std::vector<CellSummary>& cells) {
  std::vector<std::int64_t> batches;
  for (const CellSummary& cell : cells) batches.push_back(cell.batch);
  return batches;
}

/// The rows, none if not a single one has a place.
Rows unless_unknown(Rows rows) {
  const bool known =
      std::any_of(rows.begin(), rows.end(), [](const auto& row) { return std::isfinite(row[0]); });
  return known ? rows : Rows();
}

/// (η or η/B, B) at each batch size with noise, of the first of `names` that is known there.
Rows boundary_line(const BoundarySummary& boundaries, bool against_ratio,
                   std::initializer_list<const char*> names) {
  Rows rows;
  for (const BatchBoundary& row : boundaries.rows) {
    const auto batch = static_cast<double>(row.batch);
    double eta = std::numeric_limits<double>::quiet_NaN();
    for (const char* name : names) {
      if (row.has_noise && std::isnan(eta)) eta = boundaries.eta(row, name);
    }
    rows.push_back({against_ratio ? eta / batch : eta, batch});
  }
  return unless_unknown(std::move(rows));
}

/// True if some of the line lies in the horizontal range; a legend must not name what is not there.
bool enters(const Rows& line, const Limits& range) {
  Limits mine;
  for (const auto& row : line) mine.include(row[0]);
  return mine.low <= range.high && mine.high >= range.low;
}

struct Layers {
  Rows coloured;
  Rows crossed;
  Rows open;
  Rows zero;
  Rows infinite;
};

Layers sort_tiles(const std::vector<CellSummary>& cells, const std::vector<Tile>& tiles,
                  const PhaseSummary& phase, const PhasePlane& plane, const Limits& limits) {
  Layers layers;
  for (std::size_t at = 0; at < cells.size(); ++at) {
    const Tile& tile = tiles[at];
    std::vector<double> row{tile.x, tile.y, tile.x_low, tile.x_high, tile.y_low, tile.y_high};
    const double value = phase.mean(cells[at], plane.quantity);
    if (cells[at].is_diverged()) {
      layers.crossed.push_back(std::move(row));
    } else if (std::isnan(value)) {
      layers.open.push_back(std::move(row));
    } else if (value == 0) {
      layers.zero.push_back(std::move(row));
    } else if (std::isinf(value)) {
      layers.infinite.push_back(std::move(row));
    } else {
      row.push_back(std::clamp(value, limits.low, limits.high));
      layers.coloured.push_back(std::move(row));
    }
  }
  return layers;
}

std::string line_layer(const std::string& block, const std::string& style, const std::string& point,
                       const std::string& title) {
  return ", \\\n  $" + block + " using 1:2 with lines lw 6 lc rgb '#ffffff' notitle, \\\n  $" + block +
         " using 1:2 with linespoints " + style + " " + point + " title \"" + title + "\"";
}

/// Pale tiles with a mark in the middle.
std::string mark_layer(const std::string& block, const std::string& fill, const std::string& mark,
                       const std::string& title) {
  return ", \\\n  $" + block +
         " using 1:2:3:4:5:6 with boxxyerror fs solid 1.0 border rgb '#ffffff' lw 0.5 fc rgb '" + fill +
         "' notitle, \\\n  $" + block + " using 1:2 with points " + mark + " title \"" + title + "\"";
}

struct Axes {
  Limits x;
  Limits y;
};

Axes axes_of(const std::vector<Tile>& tiles) {
  Axes axes;
  for (const Tile& tile : tiles) {
    for (const double value : {tile.x_low, tile.x_high}) axes.x.include(value);
    for (const double value : {tile.y_low, tile.y_high}) axes.y.include(value);
  }
  return axes;
}

std::string axes_script(const std::vector<CellSummary>& cells, const Axes& axes, const PhasePlane& plane,
                        const Limits& limits) {
  const auto& [x, y] = axes;
  return "set logscale xy\nset logscale cb\n" + set_range("x", x.low, x.high) +
         set_range("y", y.low, y.high) + set_range("cb", limits.low, limits.high) + "set xtics " +
         log_ticks(x.low, x.high) + "\nset ytics " + batch_ticks(batches_of(cells)) + "\nset cbtics " +
         log_ticks(limits.low, limits.high) + "\nset xlabel \"" +
         (plane.against_ratio ? "learning rate over batch size  η / B" : "learning rate  η") +
         "\" offset 0,-0.2\nset ylabel \"batch size  B  (examples)\" offset -0.5,0\nset cblabel \"" +
         plane.colour_label + "\" offset 1,0\n";
}

/// gnuplot makes the columns of a legend as wide as the longest title with its markup, which nobody sees: so
/// many letters less.
std::string key_width(bool with_edge, bool with_exact) {
  return with_edge ? "-12" : with_exact ? "-7" : "-1";
}

std::string edge_title(const BoundarySummary& boundaries) {
  return "ηλ_{max} = " + short_number(boundaries.edge) + " at step 0 (" +
         (boundaries.edge_matrix == "ntk" ? "NTK" : "Hessian") + ")";
}

/// Of the measure whose lines are drawn.
std::string noise_label(const PhaseSummary& phase) {
  for (const NoiseMeasure& noise : noise_measures()) {
    if (phase.has(noise.column + "_initial")) return noise.label;
  }
  return "K";
}

}  // namespace

std::vector<PhasePlane> phase_planes(const PhaseSummary& phase) {
  const std::string matrix = phase.has("eta_hessian_lambda_max_final") ? "hessian" : "ntk";
  const std::string of = matrix == "hessian" ? "Hessian" : "NTK";
  std::vector<PhasePlane> planes{
      {"phase_loss", "train_loss_final", "Final train loss", "train loss at the last record", "loss", false},
      {"phase_error", "test_error_final", "Final test error", "test error at the last record", "error", false},
      {"phase_eta_lambda", "eta_" + matrix + "_lambda_max_final",
       "ηλ_{max} of the " + of + ", end of training", "ηλ_{max} at the last record", "ηλ_{max}", false}};
  for (const NoiseMeasure& noise : noise_measures()) {
    const std::string quantity = noise.column + "_median_second_half";
    if (!phase.has(quantity)) continue;
    const std::string title = "Noise kernel norm " + noise.label + ", late in training";
    const std::string colour = "median " + noise.label + " in the second half of the steps";
    planes.insert(planes.begin() + 1, {{"phase_K", quantity, title, colour, noise.label, false},
                                       {"phase_K_eta_over_batch", quantity, title + ", against η / B", colour, noise.label, true}});
    break;
  }
  std::erase_if(planes, [&](const PhasePlane& plane) { return !phase.has(plane.quantity); });
  return planes;
}

Rows noise_line(const BoundarySummary& boundaries, bool against_ratio) {
  return boundary_line(boundaries, against_ratio, {"eta_star_K", "eta_K1_initial", "eta_K_tr1_initial", "eta_K_gn1_initial"});
}

Rows second_moment_line(const BoundarySummary& boundaries, bool against_ratio) {
  return boundary_line(boundaries, against_ratio, {"eta_star_T", "eta_K_full1_initial", "eta_T1_initial"});
}

Rows edge_line(const BoundarySummary& boundaries, bool against_ratio) {
  Rows rows;
  for (const BatchBoundary& row : boundaries.rows) {
    const auto batch = static_cast<double>(row.batch);
    rows.push_back({against_ratio ? row.edge_eta / batch : row.edge_eta, batch});
  }
  return unless_unknown(std::move(rows));
}

std::optional<Picture> draw_phase_plane(const PhasePlane& plane, const PhaseSummary& phase,
                                        const BoundarySummary& boundaries, const std::string& heading) {
  const std::vector<CellSummary>& cells = phase.cells;
  const Limits limits = colour_limits(cells, phase, plane.quantity);
  if (limits.empty()) return std::nullopt;
  const std::vector<Tile> tiles = phase_tiles(cells, plane.against_ratio);
  const Layers layers = sort_tiles(cells, tiles, phase, plane, limits);
  const Axes axes = axes_of(tiles);
  const Rows noise = noise_line(boundaries, plane.against_ratio);
  const Rows exact = second_moment_line(boundaries, plane.against_ratio);
  const Rows edge = edge_line(boundaries, plane.against_ratio);

  std::string script = viridis_palette(1.0) + axes_script(cells, axes, plane, limits) +
                       heading_labels(plane.title, heading, 0.47);
  script += kFrameStyle;
  script += "set colorbox\nset clip two\n" + set_margin("lmargin", 0.09) + set_margin("rmargin", 0.85) +
            set_margin("bmargin", 0.19) + set_margin("tmargin", 0.895) +
            "set key at screen 0.47,0.05 center center horizontal maxcols 3 Left reverse samplen 2.5 font "
            "',12' width " +
            key_width(enters(edge, axes.x), enters(exact, axes.x)) + "\n";
  script += datablock("coloured", layers.coloured) + datablock("crossed", layers.crossed) +
            datablock("open", layers.open) + datablock("zero", layers.zero) +
            datablock("infinite", layers.infinite) + datablock("noise", noise) + datablock("exact", exact) +
            datablock("edge", edge);
  script +=
      "plot $coloured using 1:2:3:4:5:6:7 with boxxyerror fs solid 1.0 border rgb '#ffffff' lw 0.5 fc "
      "palette notitle";
  if (!layers.crossed.empty())
    script += mark_layer("crossed", "#e6e1dc", "pt 2 ps 1.3 lw 2 lc rgb '#8a5a44'", "diverged");
  if (!layers.infinite.empty()) {
    script += mark_layer("infinite", "#fbd9b5", "pt \"∞\" ps 1.8 lc rgb '#8a3b00'", plane.symbol + " = ∞");
  }
  if (!layers.zero.empty()) {
    script += mark_layer("zero", "#dde3ee", "pt \"0\" ps 1.5 lc rgb '#3b4a6b'",
                         plane.symbol + (plane.symbol == noise_label(phase) ? " = 0 (full batch)" : " = 0"));
  }
  if (!layers.open.empty()) {
    script +=
        ", \\\n  $open using 1:2:3:4:5:6 with boxxyerror fs empty border rgb '#bbbbbb' lw 1 title \"no value "
        "yet\"";
  }
  if (enters(noise, axes.x)) {
    script += line_layer("noise", "lw 2.5 lc rgb '#000000'", "pt 7 ps 0.9", noise_label(phase) + " = 1 at step 0");
  }
  if (enters(exact, axes.x)) {
    script +=
        line_layer("exact", "lw 2.5 dt (3,3) lc rgb '#000000'", "pt 6 ps 0.9", "λ_{max}(T) = 1 at step 0");
  }
  if (enters(edge, axes.x)) {
    script += line_layer("edge", "lw 2.5 dt (8,5) lc rgb '#e3004f'", "pt 5 ps 0.8", edge_title(boundaries));
  }
  return Picture{plane.name, 1000, 750, script + "\n"};
}

}  // namespace edgesweep
