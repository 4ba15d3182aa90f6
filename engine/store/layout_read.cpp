#include <algorithm>
#include <span>

#include "engine/base/digest.hpp"
#include "engine/base/error.hpp"
#include "engine/store/hdf5.hpp"
#include "engine/store/layout.hpp"
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

void read_columns(const Reader& file, const std::string& path, StoreLayout& layout) {
  for (const std::string& name : file.datasets()) {
    const std::vector<std::string> axes = file.dimensions(name);
    if (!is_record_column(axes)) continue;
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

StoreLayout read_layout(const std::string& path) {
  const Reader file(path);
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
  layout.sweep = Json::parse(text, nullptr, false);
  if (layout.sweep.is_discarded() || sha256_hex(text) != layout.digest)
    throw InputError(path, std::string("is damaged: ") + schema::kSweepDigest + " is not the digest of " +
                               schema::kSweepJson);

  layout.batches = file.integers(schema::kBatch);
  layout.seeds = file.integers(schema::kSeed);
  layout.points = static_cast<std::int64_t>(file.integers(schema::kPoint).size());
  layout.max_records = static_cast<std::int64_t>(file.integers(schema::kRecord).size());
  layout.eta = file.reals(schema::kEta);
  const std::vector<std::int64_t> cells{static_cast<std::int64_t>(layout.batches.size()), layout.points};
  required_offset(file, path, schema::kEta, Type::f8, cells);

  const std::vector<std::int64_t> trials{cells[0], cells[1], static_cast<std::int64_t>(layout.seeds.size())};
  layout.status = required_offset(file, path, schema::kStatus, Type::u1, trials);
  layout.records = required_offset(file, path, schema::kRecords, Type::i8, trials);
  layout.attempts = required_offset(file, path, schema::kAttempts, Type::i8, trials);
  layout.steps = required_offset(file, path, schema::kSteps, Type::i8, trials);
  layout.wall_seconds = required_offset(file, path, schema::kWallSeconds, Type::f8, trials);
  read_columns(file, path, layout);
  return layout;
}

}  // namespace edgesweep
