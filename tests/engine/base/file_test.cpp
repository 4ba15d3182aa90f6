#include "engine/base/file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "engine/base/error.hpp"

namespace edgesweep {
namespace {

namespace fs = std::filesystem;

class File : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "edgesweep-file-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string in_folder(const std::string& name) const { return (folder_ / name).string(); }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }

  fs::path folder_;
};

template <typename Exception, typename Body>
std::string message_of(Body body) {
  try {
    body();
  } catch (const Exception& error) {
    return error.what();
  }
  return "nothing was thrown";
}

/// Makes writes beyond `bytes` fail, as on a full disk, while it lives.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() { setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

TEST_F(File, WhatWasWrittenIsReadBack) {
  std::string content("a\0b\n", 4);
  content.append(100000, 'x');
  write_file_atomically(in_folder("f"), content);
  EXPECT_EQ(read_text_file(in_folder("f")), content);
  EXPECT_EQ(read_binary_file(in_folder("f")).size(), content.size());
  EXPECT_EQ(files(), 1U);
}

TEST_F(File, AnEmptyFileReadsAsEmpty) {
  write_file_atomically(in_folder("f"), std::string_view());
  EXPECT_EQ(read_text_file(in_folder("f")), "");
}

TEST_F(File, FilesWithoutASizeAreReadToTheirEnd) {
  EXPECT_THAT(read_text_file("/proc/self/status"), testing::HasSubstr("Pid:"));
}

TEST_F(File, AMissingFileIsTheUsersToMend) {
  const std::string path = in_folder("none");
  EXPECT_EQ(message_of<InputError>([&] { read_text_file(path); }),
            path + ": can't be opened: No such file or directory");
}

TEST_F(File, ADirectoryIsNoFile) {
  EXPECT_EQ(message_of<InputError>([&] { read_text_file(folder_.string()); }),
            folder_.string() + ": is a directory; a file is expected");
}

TEST_F(File, AFailedWriteKeepsTheOldContentAndLeavesNothingBehind) {
  write_file_atomically(in_folder("f"), "old");
  {
    const FileSizeLimit limit(1000);
    EXPECT_THAT(
        message_of<SystemError>([&] { write_file_atomically(in_folder("f"), std::string(5000, 'x')); }),
        testing::HasSubstr("can't be written: File too large"));
  }
  EXPECT_EQ(read_text_file(in_folder("f")), "old");
  EXPECT_EQ(files(), 1U);
}

TEST_F(File, AFileInAMissingDirectoryCantBeWritten) {
  EXPECT_THROW(write_file_atomically(in_folder("no/f"), "x"), SystemError);
}

TEST_F(File, ADirectoryIsNotReplacedByAFile) {
  fs::create_directory(in_folder("d"));
  EXPECT_THROW(write_file_atomically(in_folder("d"), "x"), SystemError);
  EXPECT_EQ(files(), 1U);
}

TEST(Path, TheDirectoryIsWhatComesBeforeTheLastSlash) {
  EXPECT_EQ(directory_of("a/b/c.h5"), "a/b");
  EXPECT_EQ(directory_of("c.h5"), ".");
  EXPECT_EQ(directory_of("/c.h5"), "/");
}

TEST_F(File, AWritableDirectoryIsAcceptedAndLeftEmpty) {
  require_writable_directory(in_folder("s.h5"));
  EXPECT_EQ(files(), 0U);
}

TEST_F(File, AnUnusableDirectoryIsNamed) {
  const std::string path = in_folder("no/s.h5");
  EXPECT_EQ(message_of<InputError>([&] { require_writable_directory(path); }),
            path + ": there is no directory \"" + in_folder("no") + "\"");
  // Nobody, not even root, can make files in /proc.
  EXPECT_THAT(message_of<InputError>([] { require_writable_directory("/proc/s.h5"); }),
              testing::StartsWith("/proc/s.h5: no file can be made in \"/proc\": "));
}

TEST_F(File, DirectoriesAreMadeWithTheirParentsAndMayExist) {
  make_directory(in_folder("a/b"));
  make_directory(in_folder("a/b"));
  EXPECT_TRUE(fs::is_directory(in_folder("a/b")));
  write_file_atomically(in_folder("f"), "x");
  EXPECT_THROW(make_directory(in_folder("f")), SystemError);
  EXPECT_THROW(make_directory(in_folder("f/d")), SystemError);
}

TEST_F(File, SyncingAMissingPathFails) {
  sync_path(folder_.string());
  EXPECT_THROW(sync_path(in_folder("none")), SystemError);
}

TEST_F(File, LinesAreAppendedAcrossOpenings) {
  for (const char* line : {"one", "two"}) {
    LineLog log(in_folder("log"));
    log.append(line);
    log.sync();
  }
  EXPECT_EQ(read_text_file(in_folder("log")), "one\ntwo\n");
}

TEST_F(File, ATornLastLineIsEndedBeforeTheNext) {
  std::ofstream(in_folder("log")) << "one\ntw";
  LineLog(in_folder("log")).append("three");
  EXPECT_EQ(read_text_file(in_folder("log")), "one\ntw\nthree\n");
}

TEST_F(File, AMovedLineLogGoesOn) {
  LineLog first(in_folder("log"));
  LineLog second(std::move(first));
  second.append("one");
  LineLog third(in_folder("other"));
  third = std::move(second);
  third.append("two");
  EXPECT_EQ(read_text_file(in_folder("log")), "one\ntwo\n");
}

TEST_F(File, AFailedAppendSaysSo) {
  LineLog log(in_folder("log"));
  const FileSizeLimit limit(2);
  EXPECT_THROW(log.append("a line"), SystemError);
}

TEST_F(File, ALineLogInAMissingDirectoryCantBeOpened) {
  EXPECT_THROW(LineLog(in_folder("no/log")), SystemError);
}

}  // namespace
}  // namespace edgesweep
