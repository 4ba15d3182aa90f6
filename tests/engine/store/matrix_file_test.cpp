#include "engine/store/matrix_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hdf5.h>
#include <hdf5_hl.h>

#include <fstream>
#include <numeric>

#include "engine/base/error.hpp"
#include "tests/engine/store/sample_sweep.hpp"

namespace edgesweep {
namespace {

using testing::HasSubstr;

/// A matrix as another program writes it, through HDF5's own high-level interface: values 0, 1, 2, …
class ForeignFile {
 public:
  explicit ForeignFile(const std::string& path)
      : id_(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT)) {}
  ForeignFile(const ForeignFile&) = delete;
  ForeignFile& operator=(const ForeignFile&) = delete;
  ~ForeignFile() { H5Fclose(id_); }

  ForeignFile& matrix(const char* name, const std::vector<hsize_t>& shape, hid_t type = H5T_IEEE_F64LE) {
    std::vector<double> values(std::accumulate(shape.begin(), shape.end(), std::size_t{1}, std::multiplies<>()));
    std::iota(values.begin(), values.end(), 0.0);
    const hid_t space = H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr);
    const hid_t dataset = H5Dcreate2(id_, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
    H5Dclose(dataset);
    H5Sclose(space);
    return *this;
  }
  ForeignFile& outputs(const char* name, int value) {
    H5LTset_attribute_int(id_, name, "outputs", &value, 1);
    return *this;
  }

 private:
  hid_t id_;
};

std::string error_of(const std::string& path) {
  try {
    read_matrix_file(path);
  } catch (const InputError& error) {
    return error.what();
  }
  return "no InputError";
}

TEST(MatrixFile, ReadsAnNtk) {
  const sample::Folder folder;
  ForeignFile(folder / "m.h5").matrix("ntk", {2, 2});
  const MatrixFile matrix = read_matrix_file(folder / "m.h5");
  EXPECT_FALSE(matrix.is_jacobian);
  EXPECT_EQ(matrix.rows, 2);
  EXPECT_EQ(matrix.columns, 2);
  EXPECT_EQ(matrix.outputs, 1);
  EXPECT_THAT(matrix.values, testing::ElementsAre(0, 1, 2, 3));
}

TEST(MatrixFile, ReadsAJacobianOfAnyFloatType) {
  const sample::Folder folder;
  for (const hid_t type : {H5T_IEEE_F32LE, H5T_IEEE_F64BE, H5T_IEEE_F32BE}) {
    ForeignFile(folder / "m.h5").matrix("jacobian", {4, 3}, type).outputs("jacobian", 2);
    const MatrixFile matrix = read_matrix_file(folder / "m.h5");
    EXPECT_TRUE(matrix.is_jacobian);
    EXPECT_EQ(matrix.rows, 4);
    EXPECT_EQ(matrix.columns, 3);
    EXPECT_EQ(matrix.outputs, 2);
    EXPECT_EQ(matrix.values[11], 11);
  }
}

TEST(MatrixFile, SaysWhatIsWrong) {
  const sample::Folder folder;
  const std::string path = folder / "m.h5";
  EXPECT_THAT(error_of(path), HasSubstr("no such file"));
  std::ofstream(path) << "text";
  EXPECT_THAT(error_of(path), HasSubstr("no whole HDF5 file"));
  ForeignFile(path).matrix("other", {2, 2});
  EXPECT_THAT(error_of(path), HasSubstr("neither"));
  ForeignFile(path).matrix("ntk", {2, 2}).matrix("jacobian", {2, 2});
  EXPECT_THAT(error_of(path), HasSubstr("both"));
  ForeignFile(path).matrix("ntk", {2, 2, 2});
  EXPECT_THAT(error_of(path), HasSubstr("3 dimensions"));
  ForeignFile(path).matrix("ntk", {2, 2}, H5T_STD_I32LE);
  EXPECT_THAT(error_of(path), HasSubstr("floating-point"));
  ForeignFile(path).matrix("jacobian", {0, 2});
  EXPECT_THAT(error_of(path), HasSubstr("empty"));
  ForeignFile(path).matrix("ntk", {2, 3});
  EXPECT_THAT(error_of(path), HasSubstr("2 x 3"));
  ForeignFile(path).matrix("jacobian", {4, 3}).outputs("jacobian", 3);
  EXPECT_THAT(error_of(path), HasSubstr("no multiple"));
  ForeignFile(path).matrix("jacobian", {4, 3}).outputs("jacobian", 0);
  EXPECT_THAT(error_of(path), HasSubstr("at least 1"));
}

}  // namespace
}  // namespace edgesweep
