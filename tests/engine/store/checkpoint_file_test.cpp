#include "engine/store/checkpoint_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "engine/base/error.hpp"
#include "engine/base/file.hpp"
#include "tests/engine/store/sample_sweep.hpp"

namespace edgesweep {
namespace {

const std::string kKey(64, 'a');

Bytes state(std::size_t length, int seed) {
  Bytes bytes(length);
  for (std::size_t i = 0; i < length; ++i) bytes[i] = static_cast<std::byte>((i * 31 + static_cast<std::size_t>(seed)) % 256);
  return bytes;
}

void truncate(const std::string& path, std::uintmax_t length) { std::filesystem::resize_file(path, length); }

TEST(CheckpointFile, ReturnsTheNewestState) {
  const sample::Folder folder;
  const std::string path = folder / "t.ckpt";
  EXPECT_EQ(read_checkpoint(path, kKey), std::nullopt);
  for (int version = 0; version < 3; ++version) {
    write_checkpoint(path, kKey, state(5000, version));
    EXPECT_EQ(read_checkpoint(path, kKey), state(5000, version));
  }
  write_checkpoint(path, kKey, {});
  EXPECT_EQ(read_checkpoint(path, kKey), Bytes{});
  EXPECT_THAT(folder.names(), testing::UnorderedElementsAre("t.ckpt", "t.ckpt.old"));
}

TEST(CheckpointFile, FallsBackToTheOldOneWhenTorn) {
  const sample::Folder folder;
  const std::string path = folder / "t.ckpt";
  for (const std::uintmax_t length : {0, 1, 60, 200, 4000}) {
    write_checkpoint(path, kKey, state(5000, 1));
    write_checkpoint(path, kKey, state(5000, 2));
    truncate(path, length);
    EXPECT_EQ(read_checkpoint(path, kKey), state(5000, 1)) << length;
  }
  std::filesystem::remove(path);
  EXPECT_EQ(read_checkpoint(path, kKey), state(5000, 1));
  truncate(path + ".old", 100);
  EXPECT_EQ(read_checkpoint(path, kKey), std::nullopt);
}

TEST(CheckpointFile, NoticesAFlippedBit) {
  const sample::Folder folder;
  const std::string path = folder / "t.ckpt";
  write_checkpoint(path, kKey, state(5000, 1));
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(3000);
  file.put(static_cast<char>(file.peek() ^ 1));
  file.close();
  EXPECT_EQ(read_checkpoint(path, kKey), std::nullopt);
}

TEST(CheckpointFile, IgnoresAnotherTrialsCheckpoint) {
  const sample::Folder folder;
  write_checkpoint(folder / "t.ckpt", kKey, state(10, 1));
  EXPECT_EQ(read_checkpoint(folder / "t.ckpt", std::string(64, 'b')), std::nullopt);
}

TEST(CheckpointFile, GoesAwayWithItsOldOne) {
  const sample::Folder folder;
  write_checkpoint(folder / "t.ckpt", kKey, state(10, 1));
  write_checkpoint(folder / "t.ckpt", kKey, state(10, 2));
  remove_checkpoint(folder / "t.ckpt");
  remove_checkpoint(folder / "t.ckpt");
  EXPECT_THAT(folder.names(), testing::ElementsAre());
}

TEST(CheckpointFile, SaysWhenItCannotBeWritten) {
  const sample::Folder folder;
  EXPECT_THROW(write_checkpoint(folder / "none/t.ckpt", kKey, state(10, 1)), SystemError);
}

}  // namespace
}  // namespace edgesweep
