#include "workers/training/checkpoint.hpp"

#include <ATen/ATen.h>

#include <array>
#include <bit>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include "engine/base/error.hpp"

namespace edgesweep {
namespace {

static_assert(std::endian::native == std::endian::little, "checkpoints hold the machine's own little-endian numbers");

constexpr std::string_view magic = "EDGSWCKP";
constexpr std::uint32_t version = 2;
// LibTorch itself takes tensors of at most this many dimensions in most operations.
constexpr std::uint64_t most_dimensions = 16;

constexpr std::array<std::pair<std::string_view, at::ScalarType>, 5> dtypes{{{"float32", at::kFloat},
                                                                            {"float64", at::kDouble},
                                                                            {"int64", at::kLong},
                                                                            {"uint8", at::kByte},
                                                                            {"bool", at::kBool}}};

class Writer {
 public:
  template <typename Number>
  void number(Number value) {
    static_assert(std::is_arithmetic_v<Number>);
    raw(&value, sizeof(value));
  }
  void text(std::string_view value) {
    number<std::uint64_t>(value.size());
    raw(value.data(), value.size());
  }
  void tensor(const at::Tensor& value) {
    const at::Tensor values = value.to(at::kCPU).contiguous();
    text(dtype_name(values.scalar_type()));
    number<std::uint64_t>(static_cast<std::uint64_t>(values.dim()));
    for (const std::int64_t size : values.sizes()) number(size);
    raw(values.data_ptr(), values.nbytes());
  }
  void raw(const void* data, std::size_t size) {
    const auto* first = static_cast<const std::byte*>(data);
    bytes_.insert(bytes_.end(), first, first + size);
  }
  Bytes take() { return std::move(bytes_); }

 private:
  static std::string_view dtype_name(at::ScalarType type) {
    for (const auto& [name, scalar_type] : dtypes) {
      if (scalar_type == type) return name;
    }
    throw std::invalid_argument(std::string("a checkpoint can't hold tensors of type ") + at::toString(type));
  }

  Bytes bytes_;
};

class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  template <typename Number>
  Number number() {
    Number value;
    std::memcpy(&value, take(sizeof(value)).data(), sizeof(value));
    return value;
  }
  /// A number of things that take at least `bytes_each` bytes each.
  std::uint64_t count(std::size_t bytes_each) {
    const auto value = number<std::uint64_t>();
    if (value > bytes_.size() / bytes_each) fail("it is truncated");
    return value;
  }
  std::string text() {
    const auto characters = take(count(1));
    return {reinterpret_cast<const char*>(characters.data()), characters.size()};
  }
  at::Tensor tensor() {
    const at::ScalarType type = dtype_named(text());
    const auto dimensions = number<std::uint64_t>();
    if (dimensions > most_dimensions) fail("a tensor has impossible dimensions");
    std::vector<std::int64_t> sizes;
    std::size_t values = 1;
    for (std::uint64_t i = 0; i < dimensions; ++i) {
      const auto size = number<std::int64_t>();
      // Values that fit in the remaining bytes: keeps the product from overflowing.
      if (size < 0 || static_cast<std::uint64_t>(size) > bytes_.size() + 1 ||
          values * static_cast<std::uint64_t>(size) > bytes_.size()) {
        fail("a tensor has impossible sizes");
      }
      sizes.push_back(size);
      values *= static_cast<std::size_t>(size);
    }
    at::Tensor result = at::empty(sizes, type);
    const auto content = take(result.nbytes());
    if (!content.empty()) std::memcpy(result.data_ptr(), content.data(), content.size());
    return result;
  }
  std::span<const std::byte> take(std::size_t size) {
    if (size > bytes_.size()) fail("it is truncated");
    const auto taken = bytes_.first(size);
    bytes_ = bytes_.subspan(size);
    return taken;
  }
  bool at_end() const { return bytes_.empty(); }

  [[noreturn]] static void fail(const std::string& reason) { throw InputError("checkpoint", reason); }

 private:
  static at::ScalarType dtype_named(const std::string& wanted) {
    for (const auto& [name, scalar_type] : dtypes) {
      if (name == wanted) return scalar_type;
    }
    fail("a tensor has the unknown type \"" + wanted + "\"");
  }

  std::span<const std::byte> bytes_;
};

}  // namespace

Bytes encode_checkpoint(const Checkpoint& checkpoint) {
  Writer writer;
  writer.raw(magic.data(), magic.size());
  writer.number(version);
  writer.text(checkpoint.trial_key);
  writer.number(checkpoint.step);
  const std::size_t width = checkpoint.records.empty() ? 0 : checkpoint.records.front().size();
  writer.number<std::uint64_t>(checkpoint.records.size());
  writer.number<std::uint64_t>(width);
  for (const auto& record : checkpoint.records) writer.raw(record.data(), record.size() * sizeof(double));
  writer.number<std::uint64_t>(checkpoint.state.size());
  for (const auto& [part, tensors] : checkpoint.state) {
    writer.text(part);
    writer.number<std::uint64_t>(tensors.size());
    for (const auto& [name, tensor] : tensors) {
      writer.text(name);
      writer.tensor(tensor);
    }
  }
  return writer.take();
}

Checkpoint decode_checkpoint(const Bytes& bytes) {
  Reader reader(bytes);
  const auto found = reader.take(magic.size());
  if (std::memcmp(found.data(), magic.data(), magic.size()) != 0) reader.fail("it is no checkpoint of edgesweep");
  if (const auto written = reader.number<std::uint32_t>(); written != version) {
    reader.fail("it has format version " + std::to_string(written) + ", this program reads version " +
                std::to_string(version));
  }
  Checkpoint checkpoint;
  checkpoint.trial_key = reader.text();
  checkpoint.step = reader.number<std::int64_t>();
  if (checkpoint.step < 0) reader.fail("its step is negative");
  const auto records = reader.count(1);
  const auto width = reader.count(1);
  for (std::uint64_t i = 0; i < records; ++i) {
    const auto values = reader.take(width * sizeof(double));
    checkpoint.records.emplace_back(width);
    if (width > 0) std::memcpy(checkpoint.records.back().data(), values.data(), values.size());
  }
  const auto parts = reader.number<std::uint64_t>();
  for (std::uint64_t i = 0; i < parts; ++i) {
    TensorMap& part = checkpoint.state[reader.text()];
    const auto tensors = reader.number<std::uint64_t>();
    for (std::uint64_t k = 0; k < tensors; ++k) {
      const std::string name = reader.text();
      part[name] = reader.tensor();
    }
  }
  if (!reader.at_end()) reader.fail("it has bytes too many at its end");
  return checkpoint;
}

}  // namespace edgesweep
