#include "engine/schedule/merge.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>
#include <sstream>
#include <system_error>
#include <tuple>
#include <utility>

#include "engine/base/error.hpp"
#include "engine/base/file.hpp"
#include "engine/base/system_calls.hpp"
#include "engine/schedule/trial_copy.hpp"
#include "engine/store/paths.hpp"
#include "engine/store/store.hpp"
#include "engine/store/store_reader.hpp"

namespace edgesweep {
namespace {

int rank_of(TrialStatus status) {
  switch (status) {
    case TrialStatus::done:
    case TrialStatus::diverged:
      return 3;
    case TrialStatus::failed:
      return 2;
    case TrialStatus::pending:
    case TrialStatus::running:
      return 1;
    case TrialStatus::absent:
      return 0;
  }
  return 0;
}

bool is_finished(const TrialCopy& trial) { return rank_of(trial.state.status) == 3; }

/// The records' bits, so that NaN is equal to itself and the order is total.
std::vector<std::uint64_t> bits_of(const TrialCopy& trial) {
  std::vector<std::uint64_t> bits;
  for (const auto& record : trial.records)
    for (const double value : record) bits.push_back(std::bit_cast<std::uint64_t>(value));
  return bits;
}

/// A total order by content alone: what is merged does not depend on which part is named first.
bool is_further(const TrialCopy& a, const TrialCopy& b) {
  const auto key = [](const TrialCopy& trial) {
    return std::tuple(rank_of(trial.state.status), trial.state.records, trial.state.steps, trial.state.attempts,
                      static_cast<int>(trial.state.status), trial.state.wall_seconds);
  };
  if (key(a) != key(b)) return key(a) > key(b);
  return bits_of(a) > bits_of(b);
}

std::vector<StoreReader> open_parts(const Sweep& sweep, const std::vector<std::string>& parts) {
  std::vector<StoreReader> readers;
  for (const std::string& part : parts) {
    readers.emplace_back(part);
    if (readers.back().digest() != sweep.digest) {
      throw InputError(part, "is the store of another sweep than " + parts.front() + ": " +
                                 first_difference(sweep.canonical, readers.back().sweep()));
    }
    if (readers.back().columns() != sweep.columns) {
      throw InputError(part, "was made by another version of edgesweep, which records other columns");
    }
  }
  return readers;
}

/// The lines of all journals, each once, by time.
void merge_journals(const std::vector<std::string>& parts, const std::string& out) {
  std::set<std::string> lines;
  for (const std::string& part : parts) {
    const std::string path = StorePaths{part}.events();
    if (!std::filesystem::exists(path)) continue;
    std::istringstream text(read_text_file(path));
    for (std::string line; std::getline(text, line);) {
      if (!line.empty() && line.back() == '}') lines.insert(line);  // a line begins with its time
    }
  }
  std::string all;
  for (const std::string& line : lines) all += line + "\n";
  write_file_atomically(StorePaths{out}.events(), std::string_view(all));
}

/// Parameter files and, of an unfinished trial, the checkpoint: of the part that is furthest, else of any that has one (a
/// part may have been killed after its first checkpoint and before its first commit).
void copy_files(const Sweep& sweep, std::int64_t index, const std::vector<std::string>& parts, std::size_t furthest,
                const std::string& out, bool with_checkpoint) {
  const Trial trial = make_trial(sweep, index);
  const auto copy_from = [&](const std::string& part) {
    if (part != out) copy_parameters({sweep, trial, part}, {sweep, trial, out});
    return with_checkpoint && (part == out ? std::filesystem::exists(StorePaths{out}.checkpoint(trial))
                                           : copy_checkpoint({sweep, trial, part}, {sweep, trial, out}));
  };
  if (copy_from(parts[furthest]) || !with_checkpoint) return;
  for (std::size_t part = 0; part < parts.size(); ++part) {
    if (part != furthest && copy_from(parts[part])) return;
  }
}

/// Throws InputError if two parts were made with different data.
std::string common_data_identity(const std::vector<StoreReader>& readers) {
  for (const StoreReader& reader : readers) {
    if (reader.data_identity() != readers.front().data_identity()) {
      throw InputError(reader.path(), "was made with other data than " + readers.front().path() + ": " + reader.data_identity() +
                                          "; there " + readers.front().data_identity());
    }
  }
  return readers.empty() ? std::string() : readers.front().data_identity();
}

}  // namespace

MergeReport merge_stores(const Sweep& sweep, std::vector<std::string> parts, const std::string& out) {
  std::error_code ignored;
  if (std::filesystem::exists(std::filesystem::symlink_status(out, ignored))) parts.push_back(out);
  const std::vector<StoreReader> readers = open_parts(sweep, parts);
  const TemporaryName partial(out + ".merging");  // the lock is ours
  const auto oldest = std::ranges::min_element(readers, {}, &StoreReader::created);
  Store store = Store::create(partial.path(), sweep, oldest->created(), {.data_identity = common_data_identity(readers)});
  TrialWriter writer(store);
  MergeReport report;
  report.trials = sweep.trial_count();
  for (std::int64_t index = 0; index < report.trials; ++index) {
    const Trial place = trial_place(sweep, index);
    TrialCopy best{{.status = TrialStatus::absent}, {}};
    std::size_t source = 0;
    for (std::size_t part = 0; part < readers.size(); ++part) {
      TrialCopy candidate = read_trial(readers[part], place, sweep.columns);
      if (is_finished(best) && is_finished(candidate) && bits_of(best) != bits_of(candidate)) {
        std::ostringstream text;
        text << "b" << place.cell.batch << "-p" << place.cell.point << "-s" << place.seed << " in " << parts[source]
             << " and " << parts[part];
        report.disagreements.push_back(text.str());
      }
      if (part == 0 || is_further(candidate, best)) {
        best = std::move(candidate);
        source = part;
      }
    }
    if (best.state.status == TrialStatus::absent) continue;
    writer.write(index, best);
    report.finished += is_finished(best) ? 1 : 0;
    report.failed += best.state.status == TrialStatus::failed ? 1 : 0;
    copy_files(sweep, index, parts, source, out, !is_finished(best));
  }
  store.close();
  merge_journals(parts, out);
  if (!calls::rename(partial.path(), out)) {
    throw SystemError(out, std::string("renaming the merged store into place failed: ") + std::strerror(errno));
  }
  sync_path(directory_of(out));
  return report;
}

}  // namespace edgesweep
