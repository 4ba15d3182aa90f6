#include "engine/store/hdf5.hpp"

#include <hdf5.h>
#include <hdf5_hl.h>
#include <unistd.h>

#include <cmath>
#include <limits>
#include <new>
#include <stdexcept>

#include "engine/base/error.hpp"
#include "engine/base/log.hpp"
#include "engine/store/raw_file.hpp"

namespace edgesweep::hdf5 {
namespace {

static_assert(sizeof(hid_t) == sizeof(std::int64_t), "HDF5 1.10 or newer: identifiers have 64 bits");

/// An identifier that closes itself: HDF5 does not close a file while any of its objects is open.
class Handle {
 public:
  using Closer = herr_t (*)(hid_t);
  Handle(hid_t id, Closer closer) : id_(id), closer_(closer) {}
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() {
    if (id_ >= 0) closer_(id_);
  }
  operator hid_t() const { return id_; }

 private:
  hid_t id_;
  Closer closer_;
};

/// HDF5 prints its errors to stderr unless told not to; here they become exceptions.
void silence_error_stack() { H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr); }

/// The innermost entry of HDF5's error stack, or the operating system's own words where it quotes them.
std::string innermost_error() {
  std::string text;
  H5Ewalk2(
      H5E_DEFAULT, H5E_WALK_UPWARD,
      [](unsigned, const H5E_error2_t* entry, void* out) -> herr_t {
        auto& found = *static_cast<std::string*>(out);
        if (found.empty() && entry->desc) found = entry->desc;
        return 0;
      },
      &text);
  const std::string quote = "error message = '";
  if (const auto begin = text.find(quote); begin != std::string::npos) {
    const auto from = begin + quote.size();
    text = text.substr(from, text.find('\'', from) - from);
  }
  return text.empty() ? "unknown HDF5 error" : text;
}

/// Passes an identifier or a status on; throws SystemError if it is negative.
template <class Result>
Result checked(Result result, const std::string& path, const std::string& action) {
  if (result < 0) throw SystemError(path, action + " failed: " + innermost_error());
  return result;
}

Handle access_properties() {
  const hid_t id = H5Pcreate(H5P_FILE_ACCESS);
  H5Pset_libver_bounds(id, H5F_LIBVER_EARLIEST, H5F_LIBVER_V18);
  H5Pset_fclose_degree(id, H5F_CLOSE_STRONG);
  H5Pset_sieve_buf_size(id, 0);
  // No 8-byte value lies across a disk sector: a power cut leaves the old or the new one.
  H5Pset_alignment(id, 1, 8);
#if H5_VERSION_GE(1, 12, 1) || (H5_VERSION_GE(1, 10, 7) && !H5_VERSION_GE(1, 12, 0))
  H5Pset_file_locking(id, false, true);
#endif
  return {id, H5Pclose};
}

hid_t file_type(Type type) {
  switch (type) {
    case Type::i8:
      return H5T_STD_I64LE;
    case Type::u1:
      return H5T_STD_U8LE;
    case Type::f8:
      break;
  }
  return H5T_IEEE_F64LE;
}

void set_attribute(hid_t object, const std::string& name, const AttributeValue& value, const std::string& path) {
  const std::string action = "writing attribute " + name;
  const auto write = [&](hid_t type, hid_t space, hid_t memory_type, const void* data) {
    const Handle attribute(
        checked(H5Acreate2(object, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT), path, action), H5Aclose);
    checked(H5Awrite(attribute, memory_type, data), path, action);
  };
  const Handle scalar(H5Screate(H5S_SCALAR), H5Sclose);
  if (const auto* text = std::get_if<std::string>(&value)) {
    const Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
    H5Tset_size(type, text->empty() ? 1 : text->size());
    H5Tset_strpad(type, H5T_STR_NULLPAD);
    H5Tset_cset(type, H5T_CSET_UTF8);
    write(type, scalar, type, text->c_str());
  } else if (const auto* real = std::get_if<double>(&value)) {
    write(H5T_IEEE_F64LE, scalar, H5T_NATIVE_DOUBLE, real);
  } else if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    write(H5T_STD_I64LE, scalar, H5T_NATIVE_INT64, integer);
  } else {
    const auto& bytes = std::get<std::vector<std::uint8_t>>(value);
    const hsize_t count = bytes.size();
    const Handle space(H5Screate_simple(1, &count, nullptr), H5Sclose);
    write(H5T_STD_U8LE, space, H5T_NATIVE_UINT8, bytes.data());
  }
}

void write_values(hid_t file, const std::string& name, hid_t memory_type, const void* data, std::size_t count,
                  const std::string& path) {
  const std::string action = "writing " + name;
  const Handle dataset(checked(H5Dopen2(file, name.c_str(), H5P_DEFAULT), path, action), H5Dclose);
  const Handle space(H5Dget_space(dataset), H5Sclose);
  if (static_cast<std::size_t>(H5Sget_simple_extent_npoints(space)) != count)
    throw SystemError(path, action + " failed: " + std::to_string(count) + " values do not fit its shape");
  checked(H5Dwrite(dataset, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data), path, action);
}

void close_file(std::int64_t& file, const std::string& path) noexcept {
  if (file < 0) return;
  if (H5Fclose(file) < 0) log_error(path + ": closing failed: " + innermost_error());
  file = -1;
}

Handle open_attribute(hid_t file, const std::string& dataset, const std::string& name) {
  const char* object = dataset.empty() ? "/" : dataset.c_str();
  if (H5Aexists_by_name(file, object, name.c_str(), H5P_DEFAULT) <= 0) return {-1, H5Aclose};
  return {H5Aopen_by_name(file, object, name.c_str(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose};
}

Handle open_dataset(hid_t file, const std::string& path, const std::string& name) {
  const hid_t id = H5Dopen2(file, name.c_str(), H5P_DEFAULT);
  if (id < 0) throw InputError(path, "has no readable dataset " + name + ": " + innermost_error());
  return {id, H5Dclose};
}

std::vector<std::int64_t> shape_of(hid_t dataset) {
  const Handle space(H5Dget_space(dataset), H5Sclose);
  std::vector<hsize_t> lengths(static_cast<std::size_t>(std::max(0, H5Sget_simple_extent_ndims(space))));
  H5Sget_simple_extent_dims(space, lengths.data(), nullptr);
  return {lengths.begin(), lengths.end()};
}

/// Throws InputError if the dataset has more values than fit into the file, uncompressed, or into memory.
void require_possible_size(hid_t dataset, const std::string& path, const std::string& name, std::uint64_t file_size) {
  const Handle type(H5Dget_type(dataset), H5Tclose);
  const Handle creation(H5Dget_create_plist(dataset), H5Pclose);
  std::uint64_t bytes = H5Tget_size(type);
  bool overflow = false;
  for (const std::int64_t length : shape_of(dataset))
    overflow = __builtin_mul_overflow(bytes, static_cast<std::uint64_t>(length), &bytes) || overflow;
  const bool in_one_piece = H5Pget_layout(creation) == H5D_CONTIGUOUS && H5Pget_external_count(creation) == 0;
  if (overflow || (in_one_piece && bytes > file_size))
    throw InputError(path, "is damaged: dataset " + name + " would be larger than the file");
}

template <class Value>
std::vector<Value> allocated(std::size_t count, const std::string& path, const std::string& name) {
  try {
    return std::vector<Value>(count);
  } catch (const std::bad_alloc&) {
    throw InputError(path, "dataset " + name + " does not fit into memory");
  } catch (const std::length_error&) {
    throw InputError(path, "dataset " + name + " does not fit into memory");
  }
}

template <class Value>
std::vector<Value> read_values(hid_t file, const std::string& path, const std::string& name, hid_t memory_type,
                               std::uint64_t file_size) {
  const Handle dataset = open_dataset(file, path, name);
  require_possible_size(dataset, path, name, file_size);
  const Handle space(H5Dget_space(dataset), H5Sclose);
  const auto count = static_cast<std::size_t>(std::max<hssize_t>(0, H5Sget_simple_extent_npoints(space)));
  std::vector<Value> values = allocated<Value>(count, path, name);
  if (!values.empty() && H5Dread(dataset, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) < 0)
    throw InputError(path, "dataset " + name + " can't be read: " + innermost_error());
  return values;
}

}  // namespace

Writer::Writer(const std::string& path) : path_(path) {
  silence_error_stack();
  const Handle access = access_properties();
  const Handle creation(H5Pcreate(H5P_FILE_CREATE), H5Pclose);
  H5Pset_link_creation_order(creation, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
  H5Pset_obj_track_times(creation, false);  // the same content gives the same bytes, whenever it is written
  // Also what lets an attribute be longer than 64 KB: it needs the newer object header.
  H5Pset_attr_creation_order(creation, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
  file_ = checked(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation, access), path_, "making the file");
}

Writer::Writer(Writer&& other) noexcept : path_(std::move(other.path_)), file_(std::exchange(other.file_, -1)) {}

Writer& Writer::operator=(Writer&& other) noexcept {
  if (this != &other) {
    close_file(file_, path_);
    path_ = std::move(other.path_);
    file_ = std::exchange(other.file_, -1);
  }
  return *this;
}

Writer::~Writer() { close_file(file_, path_); }

void Writer::add_dataset(const DatasetSpec& spec) {
  const std::string action = "making dataset " + spec.name;
  const Handle creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  H5Pset_layout(creation, H5D_CONTIGUOUS);
  H5Pset_obj_track_times(creation, false);
  H5Pset_alloc_time(creation, H5D_ALLOC_TIME_EARLY);
  H5Pset_fill_time(creation, H5D_FILL_TIME_ALLOC);
  H5Pset_attr_creation_order(creation, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  if (spec.fill_nan) H5Pset_fill_value(creation, H5T_NATIVE_DOUBLE, &nan);

  const std::vector<hsize_t> shape(spec.shape.begin(), spec.shape.end());
  const Handle space(
      checked(H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr), path_, action), H5Sclose);
  const Handle dataset(checked(H5Dcreate2(file_, spec.name.c_str(), file_type(spec.type), space, H5P_DEFAULT,
                                          creation, H5P_DEFAULT),
                               path_, action),
                       H5Dclose);
  if (spec.fill_nan) set_attribute(dataset, "_FillValue", nan, path_);
  for (const auto& [name, value] : spec.attributes) set_attribute(dataset, name, value, path_);

  if (spec.dimensions == std::vector{spec.name}) {
    checked(H5DSset_scale(dataset, spec.name.c_str()), path_, action);
    return;
  }
  for (std::size_t axis = 0; axis < spec.dimensions.size(); ++axis) {
    const Handle scale(checked(H5Dopen2(file_, spec.dimensions[axis].c_str(), H5P_DEFAULT), path_, action), H5Dclose);
    checked(H5DSattach_scale(dataset, scale, static_cast<unsigned>(axis)), path_, action);
  }
}

void Writer::write(const std::string& dataset, std::span<const double> values) {
  write_values(file_, dataset, H5T_NATIVE_DOUBLE, values.data(), values.size(), path_);
}

void Writer::write(const std::string& dataset, std::span<const std::int64_t> values) {
  write_values(file_, dataset, H5T_NATIVE_INT64, values.data(), values.size(), path_);
}

void Writer::write(const std::string& dataset, std::span<const std::uint8_t> values) {
  write_values(file_, dataset, H5T_NATIVE_UINT8, values.data(), values.size(), path_);
}

void Writer::set_root_attributes(const Attributes& attributes) {
  const Handle root(checked(H5Gopen2(file_, "/", H5P_DEFAULT), path_, "opening the root"), H5Gclose);
  for (const auto& [name, value] : attributes) set_attribute(root, name, value, path_);
}

void Writer::close() {
  checked(H5Fflush(file_, H5F_SCOPE_GLOBAL), path_, "flushing");
  checked(H5Fclose(std::exchange(file_, -1)), path_, "closing");
}

Reader::Reader(const std::string& path) : path_(path) {
  silence_error_stack();
  if (access(path.c_str(), F_OK) != 0) throw InputError(path, "no such file");
  // HDF5 would wait for the other end of a pipe, and says of a folder that it is no HDF5 file.
  size_ = RawFile(path, RawFile::Access::read).size();
  const Handle properties = access_properties();
  file_ = H5Fopen(path.c_str(), H5F_ACC_RDONLY, properties);
  if (file_ < 0) throw InputError(path, "is no whole HDF5 file: " + innermost_error());
}

Reader::Reader(Reader&& other) noexcept
    : path_(std::move(other.path_)), size_(other.size_), file_(std::exchange(other.file_, -1)) {}

Reader& Reader::operator=(Reader&& other) noexcept {
  if (this != &other) {
    close_file(file_, path_);
    path_ = std::move(other.path_);
    size_ = other.size_;
    file_ = std::exchange(other.file_, -1);
  }
  return *this;
}

Reader::~Reader() { close_file(file_, path_); }

std::uint64_t Reader::end() const {
  haddr_t end = 0;
  if (H5Fget_eoa(file_, &end) < 0) throw InputError(path_, "its end can't be read: " + innermost_error());
  return end;
}

bool Reader::has_dataset(const std::string& name) const {
  if (H5Lexists(file_, name.c_str(), H5P_DEFAULT) <= 0) return false;
  const Handle object(H5Oopen(file_, name.c_str(), H5P_DEFAULT), H5Oclose);
  return object >= 0 && H5Iget_type(object) == H5I_DATASET;
}

std::vector<std::string> Reader::datasets() const {
  const Handle root(H5Gopen2(file_, "/", H5P_DEFAULT), H5Gclose);
  const Handle creation(H5Gget_create_plist(root), H5Pclose);
  unsigned flags = 0;
  H5Pget_link_creation_order(creation, &flags);
  const H5_index_t order = flags & H5P_CRT_ORDER_INDEXED ? H5_INDEX_CRT_ORDER : H5_INDEX_NAME;
  H5G_info_t info{};
  if (H5Gget_info(root, &info) < 0) throw InputError(path_, "its root can't be read: " + innermost_error());
  std::vector<std::string> names;
  for (hsize_t index = 0; index < info.nlinks; ++index) {
    const auto length = H5Lget_name_by_idx(root, ".", order, H5_ITER_INC, index, nullptr, 0, H5P_DEFAULT);
    if (length < 0 || static_cast<std::uint64_t>(length) > size_)
      throw InputError(path_, "its root can't be read: " + innermost_error());
    std::string name(static_cast<std::size_t>(length), '\0');
    H5Lget_name_by_idx(root, ".", order, H5_ITER_INC, index, name.data(), name.size() + 1, H5P_DEFAULT);
    if (has_dataset(name)) names.push_back(std::move(name));
  }
  return names;
}

DatasetInfo Reader::info(const std::string& dataset) const {
  const Handle id = open_dataset(file_, path_, dataset);
  const Handle type(H5Dget_type(id), H5Tclose);
  const Handle creation(H5Dget_create_plist(id), H5Pclose);
  require_possible_size(id, path_, dataset, size_);
  DatasetInfo result;
  result.shape = shape_of(id);
  result.floating_point = H5Tget_class(type) == H5T_FLOAT;
  for (const Type candidate : {Type::f8, Type::i8, Type::u1})
    if (H5Tequal(type, file_type(candidate)) > 0) result.type = candidate;
  if (H5Pget_layout(creation) == H5D_CONTIGUOUS && H5Pget_external_count(creation) == 0) {
    const haddr_t offset = H5Dget_offset(id);
    if (offset != HADDR_UNDEF) result.offset = offset;
  }
  return result;
}

std::vector<std::string> Reader::dimensions(const std::string& dataset) const {
  const Handle id = open_dataset(file_, path_, dataset);
  std::vector<std::string> names(shape_of(id).size());
  if (H5DSis_scale(id) > 0 && names.size() == 1) return {dataset};
  const auto visit = [](hid_t, unsigned, hid_t scale, void* out) -> herr_t {
    char name[256] = "";
    H5Iget_name(scale, name, sizeof name);
    *static_cast<std::string*>(out) = name[0] == '/' ? name + 1 : name;
    return 1;
  };
  for (std::size_t axis = 0; axis < names.size(); ++axis)
    H5DSiterate_scales(id, static_cast<unsigned>(axis), nullptr, visit, &names[axis]);
  return names;
}

std::vector<double> Reader::reals(const std::string& dataset) const {
  return read_values<double>(file_, path_, dataset, H5T_NATIVE_DOUBLE, size_);
}

std::vector<std::int64_t> Reader::integers(const std::string& dataset) const {
  return read_values<std::int64_t>(file_, path_, dataset, H5T_NATIVE_INT64, size_);
}

bool Reader::has_attribute(const std::string& dataset, const std::string& name) const {
  return open_attribute(file_, dataset, name) >= 0;
}

std::optional<std::string> Reader::text_attribute(const std::string& dataset, const std::string& name) const {
  const Handle attribute = open_attribute(file_, dataset, name);
  if (attribute < 0) return {};
  const Handle type(H5Aget_type(attribute), H5Tclose);
  const Handle space(H5Aget_space(attribute), H5Sclose);
  if (H5Tget_class(type) != H5T_STRING || H5Sget_simple_extent_npoints(space) != 1) return {};
  if (H5Tis_variable_str(type) > 0) {
    char* text = nullptr;
    if (H5Aread(attribute, type, &text) < 0 || !text) return {};
    std::string result(text);
    H5free_memory(text);
    return result;
  }
  if (H5Tget_size(type) > size_) return {};
  std::string text(H5Tget_size(type), '\0');
  if (H5Aread(attribute, type, text.data()) < 0) return {};
  return std::string(text.c_str());
}

std::optional<std::int64_t> Reader::integer_attribute(const std::string& dataset, const std::string& name) const {
  const Handle attribute = open_attribute(file_, dataset, name);
  if (attribute < 0) return {};
  const Handle type(H5Aget_type(attribute), H5Tclose);
  const Handle space(H5Aget_space(attribute), H5Sclose);
  if (H5Sget_simple_extent_npoints(space) != 1) return {};
  if (H5Tget_class(type) == H5T_INTEGER) {
    std::int64_t value = 0;
    if (H5Aread(attribute, H5T_NATIVE_INT64, &value) < 0) return {};
    return value;
  }
  double value = 0;
  if (H5Tget_class(type) != H5T_FLOAT || H5Aread(attribute, H5T_NATIVE_DOUBLE, &value) < 0) return {};
  if (std::floor(value) != value || std::abs(value) > 9e15) return {};
  return static_cast<std::int64_t>(value);
}

std::string library_version() {
  unsigned major = 0, minor = 0, release = 0;
  H5get_libversion(&major, &minor, &release);
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(release);
}

}  // namespace edgesweep::hdf5
