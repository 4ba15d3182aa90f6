#include "engine/display/cell_table.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <set>
#include <utility>
#include <vector>

namespace edgesweep {
namespace {

/// One or more neighbouring cells.
struct Patch {
  std::int64_t pending = 0;
  std::int64_t running = 0;
  std::int64_t done = 0;
  std::int64_t diverged = 0;
  std::int64_t failed = 0;
  std::int64_t records = 0;
  std::int64_t records_total = 0;

  void add(const Json& cell) {
    const Json& counts = cell.at("counts");
    pending += counts.at("pending").get<std::int64_t>();
    running += counts.at("running").get<std::int64_t>();
    done += counts.at("done").get<std::int64_t>();
    diverged += counts.at("diverged").get<std::int64_t>();
    failed += counts.at("failed").get<std::int64_t>();
    records += cell.at("records").get<std::int64_t>();
    records_total += cell.at("records_total").get<std::int64_t>();
  }
  std::int64_t ended() const { return done + diverged + failed; }
  bool empty() const { return pending + running + ended() == 0; }

  /// Rounded down, and never 100 while something is left to do.
  int percent() const {
    const bool unfinished = pending + running > 0;
    if (records_total == 0) {
      return unfinished ? 0 : 100;
    }
    const auto share = static_cast<int>(100 * records / records_total);
    return unfinished ? std::min(share, 99) : share;
  }
};

struct Row {
  std::int64_t batch = 0;
  double first_eta = 0;
  double last_eta = 0;
  std::vector<const Json*> cells;
};

std::vector<Row> rows_of(const Json& cells) {
  std::vector<Row> rows;
  for (const Json& cell : cells) {
    const auto batch = cell.at("batch").get<std::int64_t>();
    const auto eta = cell.at("eta").get<double>();
    if (rows.empty() || rows.back().batch != batch) {
      rows.push_back({batch, eta, eta, {}});
    }
    rows.back().last_eta = eta;
    rows.back().cells.push_back(&cell);
  }
  return rows;
}

std::string eta_range(const Row& row) {
  char text[64];
  if (row.first_eta == row.last_eta) {
    std::snprintf(text, sizeof text, "%.3g", row.first_eta);
  } else {
    std::snprintf(text, sizeof text, "%.2g..%.2g", row.first_eta, row.last_eta);
  }
  return text;
}

/// In at most `width` characters. What needs a look comes first.
std::string mark(const Patch& patch, bool owned, std::size_t width) {
  if (patch.failed > 0) {
    return "F";
  }
  if (patch.pending + patch.running > 0) {
    const bool running = owned && patch.running > 0;
    if (!running && patch.ended() == 0 && patch.records == 0) {
      return ".";
    }
    std::string text(1, running ? '>' : '-');
    const int percent = patch.percent();
    if (width >= 3) {
      text += std::to_string(percent);
    } else if (width == 2) {
      text += std::to_string(percent / 10);
    }
    return text;
  }
  if (patch.empty()) {
    return "";
  }
  return patch.diverged == 0 ? "#" : patch.done == 0 ? "x" : "%";
}

std::string padded(const std::string& text, std::size_t width) {
  return std::string(width - std::min(width, text.size()), ' ') + text;
}

/// What those of the marks mean that are in `used`.
std::string legend(const std::set<char>& used, std::size_t column, std::size_t shared, std::size_t width) {
  const bool percent = column >= 4;
  const bool tenths = column == 3;
  const std::pair<char, std::string> meanings[] = {
      {'#', "# done"},
      {'x', "x diverged"},
      {'%', "% both"},
      {'.', ". pending"},
      {'>', percent ? ">45 running, 45 % recorded" : tenths ? ">4 running, over 40 % recorded" : "> running"},
      {'-', percent ? "-45 to go on with" : tenths ? "-4 to go on with" : "- to go on with"},
      {'F', "F failed"}};
  std::string text;
  std::string line;
  const auto put = [&](const std::string& entry) {
    if (!line.empty() && line.size() + 2 + entry.size() > width) {
      text += line + "\n";
      line.clear();
    }
    line += (line.empty() ? "" : "  ") + entry;
  };
  for (const auto& [character, meaning] : meanings) {
    if (used.contains(character)) {
      put(meaning);
    }
  }
  if (shared > 1) {
    put("each mark stands for " + std::to_string(shared) + " learning rates");
  }
  return text + line + "\n";
}

}  // namespace

std::string cell_table(const Json& cells, bool owned, std::size_t width) {
  const std::vector<Row> rows = rows_of(cells);
  std::size_t batch_width = 1;
  std::size_t eta_width = 3;
  std::size_t most = 1;
  for (const Row& row : rows) {
    batch_width = std::max(batch_width, std::to_string(row.batch).size());
    eta_width = std::max(eta_width, eta_range(row).size());
    most = std::max(most, row.cells.size());
  }
  constexpr std::size_t kGap = 2;
  constexpr std::size_t kPercent = 5;
  const std::size_t taken = batch_width + kGap + eta_width + kGap + kPercent;
  const std::size_t room = std::max<std::size_t>(width > taken ? width - taken : 0, 10);
  const std::size_t column = std::clamp<std::size_t>(room / most, 1, 4);
  const std::size_t shared = (most + room - 1) / room;  // cells that share a mark
  std::string text = padded("B", batch_width) + "  " + padded("eta", eta_width) + "\n";
  std::set<char> used_marks;
  for (const Row& row : rows) {
    text += padded(std::to_string(row.batch), batch_width) + "  " + padded(eta_range(row), eta_width) + "  ";
    Patch whole;
    std::size_t used = 0;
    for (std::size_t first = 0; first < row.cells.size(); first += shared) {
      Patch patch;
      for (std::size_t i = first; i < std::min(first + shared, row.cells.size()); ++i) {
        patch.add(*row.cells[i]);
        whole.add(*row.cells[i]);
      }
      const std::string cell = mark(patch, owned, column == 1 ? 1 : column - 1);
      used_marks.insert(cell.begin(), cell.empty() ? cell.end() : cell.begin() + 1);
      text += padded(cell, column);
      used += column;
    }
    text += std::string((most + shared - 1) / shared * column - used, ' ');
    text += (whole.empty() ? "" : padded(std::to_string(whole.percent()) + "%", kPercent)) + "\n";
  }
  return text + legend(used_marks, column, shared, width);
}

}  // namespace edgesweep
