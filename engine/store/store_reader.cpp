#include "engine/store/store_reader.hpp"

#include <algorithm>

#include "engine/base/error.hpp"
#include "engine/store/layout.hpp"
#include "engine/store/raw_file.hpp"

namespace edgesweep {

struct StoreReader::Impl {
  explicit Impl(const std::string& store_path)
      : path(store_path), layout(read_layout(store_path)), file(store_path, RawFile::Access::read) {
    // Now, not when half of what is made of the store lies on the disk.
    for (std::int64_t slot = 0; slot < layout.slots(); ++slot) read_state(path, file, layout, slot);
  }

  std::string path;
  StoreLayout layout;
  RawFile file;
};

StoreReader::StoreReader(const std::string& path) : impl_(std::make_unique<Impl>(path)) {}
StoreReader::StoreReader(StoreReader&&) noexcept = default;
StoreReader& StoreReader::operator=(StoreReader&&) noexcept = default;
StoreReader::~StoreReader() = default;

const std::string& StoreReader::path() const { return impl_->path; }
const Json& StoreReader::sweep() const { return impl_->layout.sweep; }
const std::string& StoreReader::digest() const { return impl_->layout.digest; }
const std::string& StoreReader::created() const { return impl_->layout.created; }

const std::string& StoreReader::data_identity() const { return impl_->layout.data_identity; }
const std::string& StoreReader::shard() const { return impl_->layout.shard; }
const std::vector<std::int64_t>& StoreReader::batches() const { return impl_->layout.batches; }
const std::vector<std::int64_t>& StoreReader::seeds() const { return impl_->layout.seeds; }
std::int64_t StoreReader::points() const { return impl_->layout.points; }
std::int64_t StoreReader::max_records() const { return impl_->layout.max_records; }
const std::vector<Column>& StoreReader::columns() const { return impl_->layout.columns; }

double StoreReader::eta(std::int64_t batch_index, std::int64_t point) const {
  return impl_->layout.eta[static_cast<std::size_t>(batch_index * points() + point)];
}

TrialState StoreReader::state(std::int64_t batch_index, std::int64_t point, std::int64_t seed_index) const {
  return read_state(impl_->path, impl_->file, impl_->layout, impl_->layout.slot(batch_index, point, seed_index));
}

bool StoreReader::has(const std::string& column) const {
  return std::ranges::find(impl_->layout.columns, column, &Column::name) != impl_->layout.columns.end();
}

std::vector<double> StoreReader::values(const std::string& column, std::int64_t batch_index, std::int64_t point,
                                        std::int64_t seed_index) const {
  const StoreLayout& layout = impl_->layout;
  const auto found = std::ranges::find(layout.columns, column, &Column::name);
  if (found == layout.columns.end()) throw InputError(impl_->path, "has no column " + column);
  const auto position = static_cast<std::size_t>(found - layout.columns.begin());
  const auto records = state(batch_index, point, seed_index).records;
  std::vector<double> values(static_cast<std::size_t>(records * found->width));
  impl_->file.read_at(layout.value_at(position, layout.slot(batch_index, point, seed_index), 0),
                      std::as_writable_bytes(std::span(values)));
  // A trial that starts over meanwhile had its count lowered before its values went.
  const auto still = state(batch_index, point, seed_index).records;
  values.resize(static_cast<std::size_t>(std::min(records, still) * found->width));
  return values;
}

}  // namespace edgesweep
