#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <span>

#include "engine/base/digest.hpp"
#include "engine/base/error.hpp"
#include "engine/store/hdf5.hpp"
#include "engine/store/layout.hpp"
#include "engine/store/raw_file.hpp"
#include "engine/store/schema.hpp"

namespace edgesweep {
namespace {

using hdf5::DatasetInfo;
using hdf5::Reader;
using hdf5::Type;

const std::vector<std::string> kRecordAxes{schema::kBatch, schema::kPoint, schema::kSeed, schema::kRecord};

std::string required_text(const Reader& file, const std::string& path, const std::string& name) {
  if (auto text = file.text_attribute("", name)) return *text;
  throw InputError(path, "is no edgesweep store: it has no text attribute " + name);
}

/// Offset of a dataset that must have this type and shape and lie in one piece.
std::uint64_t required_offset(const Reader& file, const std::string& path, const std::string& name, Type type,
                              const std::vector<std::int64_t>& shape) {
  const DatasetInfo info = file.info(name);
  if (info.type != type || info.shape != shape)
    throw InputError(path, "dataset " + name + " has another type or shape than a store's");
  if (!info.offset)
    throw InputError(path, "dataset " + name + " is not contiguous: another program has rewritten the file");
  return *info.offset;
}

bool is_record_column(const std::vector<std::string>& axes) {
  return axes.size() >= kRecordAxes.size() && std::ranges::equal(kRecordAxes, std::span(axes).first(kRecordAxes.size()));
}

[[noreturn]] void damaged_coordinate(const std::string& path, const std::string& name) {
  throw InputError(path, "is damaged: coordinate " + name + " has impossible values");
}

std::vector<std::int64_t> read_axis(const Reader& file, const std::string& path, const std::string& name) {
  const std::vector<std::int64_t> shape = file.info(name).shape;
  if (shape.size() != 1 || shape[0] < 1) damaged_coordinate(path, name);
  required_offset(file, path, name, Type::i8, shape);
  return file.integers(name);
}

/// Length of an axis whose coordinate counts from 0.
std::int64_t read_index(const Reader& file, const std::string& path, const std::string& name) {
  const std::vector<std::int64_t> values = read_axis(file, path, name);
  for (std::size_t i = 0; i < values.size(); ++i)
    if (values[i] != static_cast<std::int64_t>(i)) damaged_coordinate(path, name);
  return static_cast<std::int64_t>(values.size());
}

/// The axes, and η with η/B: two ways to say the same, by which a flipped bit in either is seen.
void read_coordinates(const Reader& file, const std::string& path, StoreLayout& layout) {
  layout.batches = read_axis(file, path, schema::kBatch);
  for (std::size_t i = 0; i < layout.batches.size(); ++i)
    if (layout.batches[i] <= (i == 0 ? 0 : layout.batches[i - 1])) damaged_coordinate(path, schema::kBatch);
  layout.seeds = read_axis(file, path, schema::kSeed);
  if (std::set(layout.seeds.begin(), layout.seeds.end()).size() != layout.seeds.size())
    damaged_coordinate(path, schema::kSeed);
  layout.points = read_index(file, path, schema::kPoint);
  layout.max_records = read_index(file, path, schema::kRecord);

  const std::vector<std::int64_t> cells{static_cast<std::int64_t>(layout.batches.size()), layout.points};
  required_offset(file, path, schema::kEta, Type::f8, cells);
  required_offset(file, path, schema::kEtaOverBatch, Type::f8, cells);
  layout.eta = file.reals(schema::kEta);
  const std::vector<double> eta_over_batch = file.reals(schema::kEtaOverBatch);
  for (std::size_t cell = 0; cell < layout.eta.size(); ++cell) {
    const auto batch = static_cast<double>(layout.batches[cell / static_cast<std::size_t>(layout.points)]);
    const double expected = layout.eta[cell] / batch;
    const bool absent = std::isnan(expected) && std::isnan(eta_over_batch[cell]);
    if (!absent && (expected != eta_over_batch[cell] || !(expected > 0) || !std::isfinite(expected)))
      damaged_coordinate(path, schema::kEta);
  }
}

/// Throws InputError unless all that changes lies in the file, each in a place of its own.
void require_room_for_values(const std::string& path, const StoreLayout& layout, std::uint64_t end) {
  std::uint64_t from = 0;
  for (const ByteRange& range : layout.values()) {
    if (range.offset < from || range.offset > end || range.length > end - range.offset)
      throw InputError(path, "is damaged: the places of its datasets overlap or lie outside of it");
    from = range.end();
  }
}

void read_columns(const Reader& file, const std::string& path, StoreLayout& layout) {
  for (const std::string& name : file.datasets()) {
    const std::vector<std::string> axes = file.dimensions(name);
    if (!is_record_column(axes)) {
      if (axes.size() >= kRecordAxes.size())
        throw InputError(path, "is damaged: dataset " + name + " has lost the names of its dimensions");
      continue;
    }
    Column column{.name = name,
                  .units = file.text_attribute(name, schema::kUnits).value_or(""),
                  .long_name = file.text_attribute(name, schema::kLongName).value_or("")};
    if (axes.size() > kRecordAxes.size()) {
      column.width = file.info(name).shape.back();
      column.dimension = axes.back();
    }
    std::vector<std::int64_t> expected{static_cast<std::int64_t>(layout.batches.size()), layout.points,
                                       static_cast<std::int64_t>(layout.seeds.size()), layout.max_records};
    if (!column.dimension.empty()) expected.push_back(column.width);
    layout.column_offsets.push_back(required_offset(file, path, name, Type::f8, expected));
    layout.columns.push_back(std::move(column));
  }
}

}  // namespace

std::vector<ByteRange> StoreLayout::values() const {
  const auto trials = static_cast<std::uint64_t>(slots());
  std::vector<ByteRange> ranges{{status, trials}};
  for (const std::uint64_t variable : {records, attempts, steps, wall_seconds}) ranges.push_back({variable, 8 * trials});
  for (std::size_t column = 0; column < columns.size(); ++column)
    ranges.push_back({column_offsets[column], 8 * trials * static_cast<std::uint64_t>(max_records * columns[column].width)});
  std::ranges::sort(ranges, {}, &ByteRange::offset);
  return ranges;
}

StoreLayout read_layout(const std::string& path) {
  // Before HDF5 sees it: a damaged file may be its end.
  if (access(path.c_str(), F_OK) != 0) throw InputError(path, "no such file");
  const std::optional<std::uint64_t> sealed_end = check_seal(path);
  const Reader file(path);
  if (sealed_end ? *sealed_end != file.end() : RawFile(path, RawFile::Access::read).size() != file.end())
    throw InputError(path, "is damaged: what follows its HDF5 part is not what was written");
  const auto version = file.integer_attribute("", schema::kSchemaVersion);
  if (!version)
    throw InputError(path, std::string("is no edgesweep store: it has no attribute ") + schema::kSchemaVersion);
  if (*version != schema::kVersion)
    throw InputError(path, "has schema version " + std::to_string(*version) + "; this edgesweep reads version " +
                               std::to_string(schema::kVersion));

  StoreLayout layout;
  const std::string text = required_text(file, path, schema::kSweepJson);
  layout.digest = required_text(file, path, schema::kSweepDigest);
  layout.edgesweep_version = required_text(file, path, schema::kEdgesweepVersion);
  layout.created = required_text(file, path, schema::kCreated);
  layout.shard = file.text_attribute("", schema::kShard).value_or("");
  layout.data_identity = file.text_attribute("", schema::kDataIdentity).value_or("");
  if (sha256_hex(text) != layout.digest)
    throw InputError(path, std::string("is damaged: ") + schema::kSweepDigest + " is not the digest of " +
                               schema::kSweepJson);
  layout.sweep = Json::parse(text, nullptr, false);
  if (!layout.sweep.is_object()) throw InputError(path, std::string("is damaged: ") + schema::kSweepJson + " is no JSON object");

  read_coordinates(file, path, layout);
  const std::vector<std::int64_t> trials{static_cast<std::int64_t>(layout.batches.size()), layout.points,
                                         static_cast<std::int64_t>(layout.seeds.size())};
  layout.status = required_offset(file, path, schema::kStatus, Type::u1, trials);
  layout.records = required_offset(file, path, schema::kRecords, Type::i8, trials);
  layout.attempts = required_offset(file, path, schema::kAttempts, Type::i8, trials);
  layout.steps = required_offset(file, path, schema::kSteps, Type::i8, trials);
  layout.wall_seconds = required_offset(file, path, schema::kWallSeconds, Type::f8, trials);
  read_columns(file, path, layout);
  require_room_for_values(path, layout, file.end());
  return layout;
}

}  // namespace edgesweep
