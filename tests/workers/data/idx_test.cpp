#include "workers/data/idx.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "engine/base/error.hpp"
#include "tests/workers/data/idx_writer.hpp"

namespace edgesweep {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using edgesweep::testing::idx_bytes;
using edgesweep::testing::TemporaryFolder;
using edgesweep::testing::write_bytes;
using edgesweep::testing::write_gzip;

class Idx : public ::testing::Test {
 protected:
  std::string at(const std::string& name) const { return folder_.path() + "/" + name; }

  /// The error of opening `path`: it must name that file.
  std::string reason(const std::string& path, std::size_t dimensions) const {
    try {
      open_idx(path, dimensions);
    } catch (const InputError& error) {
      EXPECT_EQ(error.subject(), path);
      return error.reason();
    }
    return "no error";
  }

  TemporaryFolder folder_;
};

TEST_F(Idx, ReadsPlainAndGzippedFilesAlike) {
  const auto bytes = idx_bytes({3, 1, 2}, {1, 2, 3, 4, 5, 255});
  write_bytes(at("plain"), bytes);
  write_gzip(at("packed"), bytes);
  for (const char* name : {"plain", "packed"}) {
    const IdxFile file = open_idx(at(name), 3);
    EXPECT_THAT(file.sizes, ElementsAre(3, 1, 2));
    EXPECT_THAT(read_idx(file, 3), ElementsAre(1, 2, 3, 4, 5, 255));
    EXPECT_THAT(read_idx(file, 1), ElementsAre(1, 2));
    EXPECT_THROW(read_idx(file, 4), InputError);
  }
}

TEST_F(Idx, ReadsGzipFilesOfSeveralMembers) {
  const auto bytes = idx_bytes({4}, {1, 2, 3, 4});
  write_gzip(at("a"), {bytes.begin(), bytes.begin() + 6});
  write_gzip(at("b"), {bytes.begin() + 6, bytes.end()});
  ASSERT_EQ(std::system(("cat " + at("a") + " " + at("b") + " > " + at("c")).c_str()), 0);
  EXPECT_THAT(read_idx(open_idx(at("c"), 1), 4), ElementsAre(1, 2, 3, 4));
}

TEST_F(Idx, RefusesWrongMagic) {
  write_bytes(at("labels"), idx_bytes({2}, {1, 2}));
  EXPECT_THAT(reason(at("labels"), 3), HasSubstr("truncated"));
  write_bytes(at("images"), idx_bytes({1, 1, 2}, {1, 2}));
  EXPECT_THAT(reason(at("images"), 1), HasSubstr("magic number 2051, not 2049"));
}

TEST_F(Idx, RefusesFilesShorterOrLongerThanTheirHeaderSays) {
  auto bytes = idx_bytes({3}, {1, 2});
  write_bytes(at("short"), bytes);
  EXPECT_THAT(reason(at("short"), 1), HasSubstr("is truncated: 10 bytes, its header promises 11"));
  write_gzip(at("short.gz"), bytes);
  EXPECT_THAT(reason(at("short.gz"), 1), HasSubstr("is truncated: 10 bytes, its header promises 11"));
  write_bytes(at("long"), idx_bytes({3}, {1, 2, 3, 4}));
  EXPECT_THAT(reason(at("long"), 1), HasSubstr("bytes too many"));
  write_bytes(at("empty"), {});
  EXPECT_THAT(reason(at("empty"), 1), HasSubstr("truncated"));
}

TEST_F(Idx, RefusesACompressedFileCutAnywhere) {
  std::vector<std::uint8_t> content(2000);
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<std::uint8_t>(i * i * 31 % 251);
  write_gzip(at("whole.gz"), idx_bytes({2000}, content));
  const auto size = std::filesystem::file_size(at("whole.gz"));
  for (const std::uintmax_t cut : {size - 1, size - 4, size - 9, size / 2, std::uintmax_t{12}, std::uintmax_t{3}}) {
    std::filesystem::copy_file(at("whole.gz"), at("cut.gz"), std::filesystem::copy_options::overwrite_existing);
    std::filesystem::resize_file(at("cut.gz"), cut);
    EXPECT_NE(reason(at("cut.gz"), 1), "no error") << cut;
  }
}

TEST_F(Idx, RefusesImpossibleSizes) {
  write_bytes(at("huge"), idx_bytes({0xffffffff, 0xffffffff, 0xffffffff}, {}));
  EXPECT_THAT(reason(at("huge"), 3), HasSubstr("impossible sizes"));
  write_bytes(at("flat"), idx_bytes({2, 0, 28}, {}));
  EXPECT_THAT(reason(at("flat"), 3), HasSubstr("impossible sizes"));
}

TEST_F(Idx, FindsFilesPlainOrPackedInTheFolderOrItsMnist) {
  std::filesystem::create_directory(at("mnist"));
  try {
    find_idx_file(folder_.path(), "digits");
    FAIL() << "found nothing, and did not say so";
  } catch (const InputError& error) {
    EXPECT_EQ(error.subject(), at("digits"));
  }
  for (const char* name : {"mnist/digits.gz", "mnist/digits", "digits.gz", "digits"}) {
    write_bytes(at(name), {});
    EXPECT_EQ(find_idx_file(folder_.path(), "digits"), at(name));
  }
  EXPECT_THAT(reason(at("absent"), 1), HasSubstr("No such file"));
}

}  // namespace
}  // namespace edgesweep
