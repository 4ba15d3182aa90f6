#include <algorithm>
#include <cmath>
#include <map>

#include "analysis/phase_plane.hpp"

namespace edgesweep {
namespace {

struct Side {
  double low;
  double high;
};

/// Distances between neighbours on a log axis, sorted.
std::vector<double> log_gaps(const std::vector<double>& sorted) {
  std::vector<double> gaps;
  for (std::size_t at = 1; at < sorted.size(); ++at) gaps.push_back(std::log(sorted[at] / sorted[at - 1]));
  std::sort(gaps.begin(), gaps.end());
  return gaps;
}

/// Sides of tiles at `sorted` positions; a half side is at most `widest` / 2 in log.
std::map<double, Side> sides(const std::vector<double>& sorted, double widest) {
  std::map<double, Side> result;
  for (std::size_t at = 0; at < sorted.size(); ++at) {
    const double before = at > 0 ? std::log(sorted[at] / sorted[at - 1]) : widest;
    const double after = at + 1 < sorted.size() ? std::log(sorted[at + 1] / sorted[at]) : widest;
    result[sorted[at]] = {sorted[at] * std::exp(-0.5 * std::min(before, widest)),
                          sorted[at] * std::exp(0.5 * std::min(after, widest))};
  }
  return result;
}

/// The usual distance on an axis: the median of its gaps; a factor of 2 if there is one value only.
double usual_gap(const std::vector<double>& sorted) {
  const std::vector<double> gaps = log_gaps(sorted);
  return gaps.empty() ? std::log(2.0) : gaps[gaps.size() / 2];
}

void sort_unique(std::vector<double>& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

}  // namespace

std::vector<Tile> phase_tiles(const std::vector<CellSummary>& cells, bool against_ratio) {
  const auto horizontal = [&](const CellSummary& cell) {
    return against_ratio ? cell.eta / static_cast<double>(cell.batch) : cell.eta;
  };
  std::map<std::int64_t, std::vector<double>> rows;
  std::vector<double> batches;
  for (const CellSummary& cell : cells) {
    rows[cell.batch].push_back(horizontal(cell));
    batches.push_back(static_cast<double>(cell.batch));
  }
  sort_unique(batches);
  const auto vertical = sides(batches, usual_gap(batches));
  std::map<std::int64_t, std::map<double, Side>> across;
  for (auto& [batch, row] : rows) {
    sort_unique(row);
    across[batch] = sides(row, usual_gap(row));
  }
  std::vector<Tile> tiles;
  for (const CellSummary& cell : cells) {
    const double x = horizontal(cell);
    const double y = static_cast<double>(cell.batch);
    const Side x_side = across[cell.batch].at(x);
    const Side y_side = vertical.at(y);
    tiles.push_back({x, y, x_side.low, x_side.high, y_side.low, y_side.high});
  }
  return tiles;
}

}  // namespace edgesweep
