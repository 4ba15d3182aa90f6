#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace edgesweep::hdf5 {

/// Types of the datasets that edgesweep writes, little-endian in the file.
enum class Type { f8, i8, u1 };

using AttributeValue =
    std::variant<std::string, double, std::int64_t, std::vector<std::uint8_t>>;  ///< text is fixed-length UTF-8
using Attributes = std::vector<std::pair<std::string, AttributeValue>>;

/// A contiguous dataset whose space is allocated when it is made.
struct DatasetSpec {
  std::string name;
  Type type = Type::f8;
  std::vector<std::string> dimensions;  ///< names of dimension scales; its own name alone makes it a scale
  std::vector<std::int64_t> shape;
  bool fill_nan = false;  ///< f8 only: fill value and attribute `_FillValue` NaN; otherwise the space holds zeros
  Attributes attributes;
};

/// Where and what a dataset is.
struct DatasetInfo {
  std::optional<Type> type;               ///< empty if it is none of edgesweep's
  bool floating_point = false;            ///< any floating-point type
  std::vector<std::int64_t> shape;
  std::optional<std::uint64_t> offset;    ///< byte offset in the file, if it is contiguous and allocated
};

/// A file being made for netCDF-4: creation order tracked, every axis of every dataset with its scale attached, in the
/// format of HDF5 1.8. Move-only. All functions throw SystemError with HDF5's innermost reason.
class Writer {
 public:
  /// Makes or replaces `path`.
  explicit Writer(const std::string& path);
  Writer(Writer&& other) noexcept;
  Writer& operator=(Writer&& other) noexcept;
  ~Writer();

  /// Scales come before the datasets that use them.
  void add_dataset(const DatasetSpec& spec);
  void write(const std::string& dataset, std::span<const double> values);
  void write(const std::string& dataset, std::span<const std::int64_t> values);
  void write(const std::string& dataset, std::span<const std::uint8_t> values);
  void set_root_attributes(const Attributes& attributes);

  /// Flushes and closes. The caller syncs the file.
  void close();

 private:
  std::string path_;
  std::int64_t file_ = -1;
};

/// A file opened for reading. Takes no file lock, so that it neither disturbs nor is refused by another process.
class Reader {
 public:
  /// Throws InputError if `path` is missing, no regular file or no HDF5 file.
  explicit Reader(const std::string& path);
  Reader(Reader&& other) noexcept;
  Reader& operator=(Reader&& other) noexcept;
  ~Reader();

  /// Where HDF5's own bytes end. The file may be longer.
  std::uint64_t end() const;

  bool has_dataset(const std::string& name) const;
  /// Names of the root's datasets, in creation order where the file keeps it, else by name.
  std::vector<std::string> datasets() const;
  /// The following throw InputError naming the file and the dataset if it is missing or HDF5 can't read it.
  DatasetInfo info(const std::string& dataset) const;
  /// Names of the scales attached to each axis; empty text where there is none.
  std::vector<std::string> dimensions(const std::string& dataset) const;
  /// All values, row-major, converted by HDF5.
  std::vector<double> reals(const std::string& dataset) const;
  std::vector<std::int64_t> integers(const std::string& dataset) const;
  /// Attribute of a dataset, or of the root if `dataset` is empty. Empty if absent or of another kind; text may be of
  /// fixed or variable length, an integer may also be a whole number in a floating-point attribute.
  std::optional<std::string> text_attribute(const std::string& dataset, const std::string& name) const;
  std::optional<std::int64_t> integer_attribute(const std::string& dataset, const std::string& name) const;
  bool has_attribute(const std::string& dataset, const std::string& name) const;

 private:
  std::string path_;
  std::uint64_t size_ = 0;  ///< bytes of the file: no more can be in it, whatever its metadata say
  std::int64_t file_ = -1;
};

/// "1.10.8": the library linked at run time.
std::string library_version();

}  // namespace edgesweep::hdf5
