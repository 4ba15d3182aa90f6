#include "engine/display/status_text.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "engine/base/clock.hpp"
#include "engine/display/cell_table.hpp"
#include "engine/display/duration.hpp"
#include "engine/display/failure_text.hpp"
#include "engine/display/progress_line.hpp"
#include "engine/display/text_block.hpp"
#include "engine/display/worker_table.hpp"

namespace edgesweep {
namespace {

/// A run writes its progress every two seconds. After so many without it is stuck, or it is gone from another machine.
constexpr double kSilentSeconds = 60;

/// Workers that are listed where nothing limits the height.
constexpr std::size_t kMostWorkers = 24;
constexpr std::size_t kFewestWorkers = 3;

std::int64_t count_of(const Json& status, const char* name) { return status.at("counts").at(name).get<std::int64_t>(); }

std::string owner_text(const Json& owner) {
  if (owner.at("host") == "") {
    return "whoever left a damaged lock";
  }
  return "process " + std::to_string(owner.at("pid").get<std::int64_t>()) + " on " + owner.at("host").get<std::string>();
}

std::string how_it_stands(const Json& status) {
  const Json& run = status.at("run");
  if (run.is_object()) {
    const std::string elapsed = duration_text(run.at("elapsed_seconds").get<double>());
    if (run.at("stopping").get<bool>()) {
      return "stopping after " + elapsed + ", trials are being checkpointed";
    }
    const Json& left = run.at("seconds_left");
    return "running for " + elapsed + ", " +
           (left.is_number() ? duration_text(left.get<double>()) + " left" : "time left unknown until a trial has finished");
  }
  if (status.at("owned").get<bool>()) {
    return "owned by " + owner_text(status.at("owner")) + ": a run that starts, or a merge";
  }
  const std::string worked = duration_text(status.at("wall_seconds").get<double>()) + " of training";
  if (status.at("state") == "done") {
    return "done, " + worked;
  }
  if (status.at("state") == "failed") {
    return "ended, " + std::to_string(count_of(status, "failed")) + " failed; --resume tries them again";
  }
  return "nobody runs it; go on with --resume";
}

/// The trials as a bar, in the marks of the grid. What there is of a kind shows, however little it is.
std::string trial_bar(const Json& status, std::size_t width) {
  const std::int64_t trials = status.at("trials").get<std::int64_t>();
  std::string bar;
  std::int64_t so_far = 0;
  const std::size_t room = width - (count_of(status, "pending") > 0 ? 1 : 0);
  const auto grow = [&](std::int64_t count, char mark) {
    so_far += count;
    const auto share = static_cast<std::size_t>(so_far * static_cast<std::int64_t>(width) / std::max<std::int64_t>(trials, 1));
    const std::size_t end = std::min(room, std::max(share, bar.size() + (count > 0 ? 1 : 0)));
    bar.append(std::max(end, bar.size()) - bar.size(), mark);
  };
  grow(count_of(status, "done"), '#');
  grow(count_of(status, "diverged"), 'x');
  grow(count_of(status, "failed"), 'F');
  if (status.at("owned").get<bool>()) {
    grow(count_of(status, "running"), '>');
  }
  bar.append(width - std::min(bar.size(), width), '.');
  return "[" + bar + "]";
}

std::string counts_text(const Json& status) {
  std::string text;
  for (const char* name : {"done", "diverged", "running", "pending", "failed"}) {
    if (count_of(status, name) > 0) {
      const bool stale = std::string(name) == "running" && !status.at("owned").get<bool>();
      text += (text.empty() ? "" : ", ") + std::to_string(count_of(status, name)) + " " + (stale ? "interrupted" : name);
    }
  }
  return text.empty() ? "none" : text;
}

std::string records_text(const Json& status) {
  const auto done = status.at("records").at("done").get<std::int64_t>();
  const auto total = status.at("records").at("total").get<std::int64_t>();
  char percent[32];
  std::snprintf(percent, sizeof percent, "%.1f %%",
                total > 0 ? 100 * static_cast<double>(done) / static_cast<double>(total) : 100.0);
  std::string text = std::to_string(done) + " of " + std::to_string(total) + " (" + percent + ")";
  const Json& run = status.at("run");
  if (run.is_object() && run.at("records_per_second").is_number()) {
    text += ", " + rate_text(run.at("records_per_second").get<double>()) + " a second";
  }
  if (run.is_object() && run.at("trials_per_hour").is_number()) {
    text += ", " + rate_text(run.at("trials_per_hour").get<double>()) + " trials an hour";
  }
  return text;
}

std::string head(const Json& status, std::size_t width) {
  const auto shard = status.at("shard").get<std::string>();
  std::string text = status.at("name").get<std::string>() + (shard.empty() ? "" : ", shard " + shard) + ": " +
                     how_it_stands(status) + "\n";
  if (const Json& run = status.at("run"); run.is_object() && run.at("age_seconds").get<double>() > kSilentSeconds) {
    text += "  " + owner_text(status.at("owner")) + " has said nothing for " +
            duration_text(run.at("age_seconds").get<double>()) + ": it is stuck, or gone\n";
  }
  const auto trials = status.at("trials").get<std::int64_t>();
  const auto ended = count_of(status, "done") + count_of(status, "diverged") + count_of(status, "failed");
  const std::string of_all = "  " + std::to_string(ended) + " of " + std::to_string(trials);
  text += "trials   " + trial_bar(status, std::max<std::size_t>(width, 31 + of_all.size()) - 11 - of_all.size()) + of_all + "\n";
  text += "         " + counts_text(status) + "\n";
  text += "records  " + records_text(status) + "\n";
  return text;
}

}  // namespace

std::string status_text(const Json& status, TextSize size) {
  const bool limited = size.height != TextSize().height;
  std::string top = head(status, size.width) + "\n";
  top += cell_table(status.at("cells"), status.at("owned").get<bool>(), size.width);
  std::string bottom = failure_text(status, size.width);
  std::size_t most = kMostWorkers;
  if (limited) {
    const std::size_t others = line_count(top) + line_count(bottom) + 3;  // a blank line, the table's head and its last line
    most = std::max(kFewestWorkers, size.height > others ? size.height - others : 0);
  }
  const std::string workers = worker_table(status.at("workers"), most);
  const std::string text = top + (workers.empty() ? "" : "\n" + workers) + bottom;
  return limited ? clipped(text, size.width, size.height) : text;
}

std::string status_line(const Json& status) {
  const auto ended = count_of(status, "done") + count_of(status, "diverged") + count_of(status, "failed");
  return status.at("name").get<std::string>() + ": " + how_it_stands(status) + "; " + std::to_string(ended) + "/" +
         std::to_string(status.at("trials").get<std::int64_t>()) + " trials (" + counts_text(status) + "), records " +
         records_text(status);
}

}  // namespace edgesweep
