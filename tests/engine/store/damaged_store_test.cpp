#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bit>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>

#include "engine/base/error.hpp"
#include "engine/base/file.hpp"
#include "engine/store/hdf5.hpp"
#include "engine/store/layout.hpp"
#include "engine/store/store.hpp"
#include "engine/store/store_reader.hpp"
#include "tests/engine/store/sample_sweep.hpp"

// A store in which bits of what never changes have flipped: it opens with the same values, or is refused in one line.
namespace edgesweep {
namespace {

struct Flip {
  std::size_t offset;
  unsigned char mask;
};

enum class Outcome : int { none, same, refused, other_values, unclear_error };

/// One store, and what a reader must find in it.
struct Specimen {
  std::string content;
  std::vector<ByteRange> values;  ///< bytes that change while a sweep runs: not looked at here
  std::string expected;
};

void put(std::ostringstream& text, double value) { text << std::bit_cast<std::uint64_t>(value) << ' '; }

/// All that is read of a store, but for texts that only people read.
std::string everything(const std::string& path) {
  const StoreReader reader(path);
  std::ostringstream text;
  text << reader.digest() << reader.shard() << reader.sweep() << reader.points() << ' ' << reader.max_records() << ' ';
  for (const auto batch : reader.batches()) text << batch << ' ';
  for (const auto seed : reader.seeds()) text << seed << ' ';
  for (const Column& column : reader.columns()) text << column.name << column.width << column.dimension << ' ';
  for (std::size_t batch = 0; batch < reader.batches().size(); ++batch)
    for (std::int64_t point = 0; point < reader.points(); ++point) {
      put(text, reader.eta(static_cast<std::int64_t>(batch), point));
      for (std::size_t seed = 0; seed < reader.seeds().size(); ++seed) {
        const auto place = std::tuple(static_cast<std::int64_t>(batch), point, static_cast<std::int64_t>(seed));
        const TrialState state = std::apply([&](auto... at) { return reader.state(at...); }, place);
        text << static_cast<int>(state.status) << ' ' << state.records << ' ' << state.attempts << ' ' << state.steps << ' ';
        put(text, state.wall_seconds);
        for (const Column& column : reader.columns())
          for (const double value : std::apply([&](auto... at) { return reader.values(column.name, at...); }, place))
            put(text, value);
      }
    }
  return text.str();
}

Specimen make_specimen(const std::string& path) {
  const Sweep sweep = sample::sweep();
  Store store = Store::create(path, sweep, "2026-01-31T12:00:00Z");
  for (std::int64_t trial = 0; trial < sample::trials(sweep); ++trial) {
    for (std::int64_t record = 0; record < trial % 7; ++record) store.write_record(trial, record, sample::values(trial, record));
    store.set_state(trial, {trial % 7 == 6 ? TrialStatus::done : TrialStatus::pending, 0, 1, trial, 0.5});
  }
  store.close();
  return {read_text_file(path), read_layout(path).values(), everything(path)};
}

/// As edgesweep made stores before it sealed them.
Specimen without_seal(Specimen specimen) {
  specimen.content.resize(specimen.content.rfind("{\"end\":"));
  return specimen;
}

bool is_constant(const Specimen& specimen, std::size_t offset) {
  return std::ranges::none_of(specimen.values, [&](const ByteRange& range) {
    return range.offset <= offset && offset < range.end();
  });
}

/// One bit of every `stride`-th byte that never changes, another one each time.
std::vector<Flip> flips_of(const Specimen& specimen, std::size_t stride) {
  std::vector<Flip> flips;
  for (std::size_t offset = 0; offset < specimen.content.size(); offset += stride)
    if (is_constant(specimen, offset)) flips.push_back({offset, static_cast<unsigned char>(1U << (flips.size() * 5 % 8))});
  return flips;
}

Outcome outcome_of(const Specimen& specimen, const Flip& flip, const std::string& path) {
  std::string content = specimen.content;
  content[flip.offset] = static_cast<char>(content[flip.offset] ^ flip.mask);
  unlink(path.c_str());  // HDF5 knows a file by its inode, and may still have the last one open
  std::ofstream(path, std::ios::binary) << content;
  try {
    return everything(path) == specimen.expected ? Outcome::same : Outcome::other_values;
  } catch (const InputError& error) {
    const std::string line = error.what();
    return line.starts_with(path + ": ") && line.find('\n') == std::string::npos && line.size() < 400
               ? Outcome::refused
               : Outcome::unclear_error;
  } catch (const std::exception&) {
    return Outcome::unclear_error;
  }
}

/// What happened to each flip; Outcome::none where the process crashed, hung or wanted a gigabyte. In a child process, a
/// new one after each that died.
std::vector<Outcome> outcomes_of(const Specimen& specimen, const std::vector<Flip>& flips, const std::string& path) {
  const std::size_t size = flips.size() * sizeof(Outcome);
  auto* outcomes = static_cast<Outcome*>(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  auto* next = static_cast<std::size_t*>(
      mmap(nullptr, sizeof(std::size_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  while (*next < flips.size()) {
    const pid_t child = fork();
    if (child == 0) {
      (void)!freopen("/dev/null", "w", stderr);
      const rlimit memory{1UL << 30, 1UL << 30};
#ifndef __SANITIZE_ADDRESS__  // which reserves terabytes of addresses
      setrlimit(RLIMIT_AS, &memory);
#endif
      const rlimit no_core{0, 0};
      setrlimit(RLIMIT_CORE, &no_core);
      while (*next < flips.size()) {
        const std::size_t mine = (*next)++;
        alarm(30);
        outcomes[mine] = outcome_of(specimen, flips[mine], path);
      }
      _exit(0);
    }
    waitpid(child, nullptr, 0);
  }
  std::vector<Outcome> result(outcomes, outcomes + flips.size());
  munmap(outcomes, size);
  munmap(next, sizeof(std::size_t));
  return result;
}

std::map<Outcome, int> counted(const std::vector<Outcome>& outcomes) {
  std::map<Outcome, int> counts;
  for (const Outcome outcome : outcomes) ++counts[outcome];
  return counts;
}

/// Where things went wrong, for the message.
std::string places(const std::vector<Flip>& flips, const std::vector<Outcome>& outcomes) {
  std::ostringstream text;
  for (std::size_t i = 0; i < flips.size(); ++i)
    if (outcomes[i] != Outcome::same && outcomes[i] != Outcome::refused)
      text << flips[i].offset << '^' << int{flips[i].mask} << ':' << static_cast<int>(outcomes[i]) << ' ';
  return text.str();
}

TEST(DamagedStore, IsRefusedWhateverBitHasFlipped) {
  const sample::Folder folder;
  const Specimen specimen = make_specimen(folder / "s.h5");
  const std::vector<Flip> flips = flips_of(specimen, 1);
  EXPECT_GT(flips.size(), 10'000U);
  const std::vector<Outcome> outcomes = outcomes_of(specimen, flips, folder / "flipped.h5");
  auto counts = counted(outcomes);
  EXPECT_EQ(counts[Outcome::refused], static_cast<int>(flips.size())) << places(flips, outcomes);
}

TEST(DamagedStore, IsRefusedWhereverItEnds) {
  const sample::Folder folder;
  const Specimen specimen = make_specimen(folder / "s.h5");
  const std::size_t hdf5_end = without_seal(specimen).content.size();
  for (std::size_t length = 0; length < specimen.content.size(); length += 1 + specimen.content.size() / 400) {
    std::ofstream(folder / "cut.h5", std::ios::binary) << specimen.content.substr(0, length);
    // Up to the seal nothing is lost: that is how edgesweep made stores before it sealed them.
    if (length == hdf5_end) continue;
    EXPECT_THROW(StoreReader(folder / "cut.h5"), InputError) << length;
  }
  std::ofstream(folder / "longer.h5", std::ios::binary) << specimen.content << "x";
  EXPECT_THROW(StoreReader(folder / "longer.h5"), InputError);
}

TEST(DamagedStore, WithoutASealOpensAsBefore) {
  const sample::Folder folder;
  const Specimen specimen = without_seal(make_specimen(folder / "s.h5"));
  std::ofstream(folder / "old.h5", std::ios::binary) << specimen.content;
  EXPECT_EQ(everything(folder / "old.h5"), specimen.expected);
  EXPECT_EQ(Store::open(folder / "old.h5", sample::sweep()).state(6).records, 6);
}

/// Offset and bytes of a dataset.
ByteRange place_of(const std::string& path, const std::string& name, std::uint64_t width) {
  const hdf5::DatasetInfo info = hdf5::Reader(path).info(name);
  std::uint64_t bytes = width;
  for (const std::int64_t length : info.shape) bytes *= static_cast<std::uint64_t>(length);
  return {*info.offset, bytes};
}

TEST(DamagedStore, WithoutASealIsRefusedWithAFlippedBitInACoordinate) {
  const sample::Folder folder;
  const Specimen specimen = without_seal(make_specimen(folder / "s.h5"));
  std::vector<Flip> flips;
  for (const char* name : {"batch", "point", "record", "eta"}) {
    const ByteRange range = place_of(folder / "s.h5", name, 8);
    for (std::uint64_t offset = range.offset; offset < range.end(); ++offset)
      for (int bit = 0; bit < 8; ++bit) flips.push_back({offset, static_cast<unsigned char>(1 << bit)});
  }
  const std::vector<Outcome> outcomes = outcomes_of(specimen, flips, folder / "flipped.h5");
  auto counts = counted(outcomes);
  // A NaN, which stands where there is no cell, may get another bit pattern and is a NaN still.
  EXPECT_LE(counts[Outcome::same] + counts[Outcome::other_values], 64) << places(flips, outcomes);
  EXPECT_GE(counts[Outcome::refused], static_cast<int>(flips.size()) - 64) << places(flips, outcomes);
}

TEST(DamagedStore, IsRefusedWithAnImpossibleStatusOrCount) {
  const sample::Folder folder;
  const Specimen specimen = make_specimen(folder / "s.h5");
  const auto refusal = [&](const char* variable, std::uint64_t width, std::uint64_t slot, std::string bytes) {
    std::string content = specimen.content;
    content.replace(place_of(folder / "s.h5", variable, width).offset + width * slot, bytes.size(), bytes);
    std::ofstream(folder / "odd.h5", std::ios::binary) << content;
    EXPECT_THROW(Store::open(folder / "odd.h5", sample::sweep()), InputError);
    try {
      StoreReader(folder / "odd.h5");
    } catch (const InputError& error) {
      return error.reason();
    }
    return std::string("none");
  };
  using testing::HasSubstr;
  const std::string minus_one(8, '\xff');
  EXPECT_THAT(refusal("status", 1, 1, "\x06"), HasSubstr("trial b1-p0-s11 has status 6"));
  EXPECT_THAT(refusal("status", 1, 1, "\x05"), HasSubstr("has status 5"));  // every trial is this store's
  EXPECT_THAT(refusal("records", 8, 0, std::string("\x07\0\0\0\0\0\0\0", 8)), HasSubstr("has 7 records"));
  EXPECT_THAT(refusal("records", 8, 0, minus_one), HasSubstr("has -1 records"));
  EXPECT_THAT(refusal("attempts", 8, 2, minus_one), HasSubstr("has -1 attempts"));
  EXPECT_THAT(refusal("steps", 8, 2, minus_one), HasSubstr("has -1 steps"));
  EXPECT_THAT(refusal("wall_seconds", 8, 2, minus_one), HasSubstr("wall_seconds"));
}

}  // namespace
}  // namespace edgesweep
