#include "workers/data/prefetcher.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

namespace edgesweep {
namespace {

constexpr std::int64_t row_bytes = 5;

std::uint8_t value_of(std::int64_t block, std::int64_t row) { return static_cast<std::uint8_t>(17 * block + row); }

Prefetcher::Plan plan_of(std::int64_t first, std::int64_t end, std::int64_t rows, int threads) {
  Prefetcher::Plan plan;
  plan.first_block = first;
  plan.end_block = end;
  plan.rows = rows;
  plan.row_bytes = row_bytes;
  plan.threads = threads;
  plan.begin = [](std::int64_t) {};
  plan.make = [](std::int64_t block, std::int64_t row, std::uint8_t* out) { std::fill(out, out + row_bytes, value_of(block, row)); };
  return plan;
}

TEST(Prefetcher, GivesTheSameBlocksInOrderWithAnyNumberOfThreads) {
  for (const int threads : {1, 2, 7}) {
    for (const std::int64_t rows : {1, 4}) {
      Prefetcher blocks(plan_of(3, 40, rows, threads));
      for (std::int64_t block = 3; block < 40; ++block) {
        EXPECT_EQ(blocks.next_block(), block);
        const at::Tensor& bytes = blocks.next();
        ASSERT_EQ(bytes.sizes(), (std::vector<std::int64_t>{rows, row_bytes}));
        for (std::int64_t row = 0; row < rows; ++row) {
          EXPECT_TRUE((bytes[row] == value_of(block, row)).all().item<bool>()) << block << ' ' << row;
        }
      }
    }
  }
}

TEST(Prefetcher, WorksAheadOfItsUserWithinItsBuffersAlone) {
  std::atomic<std::int64_t> begun = -1;
  std::atomic<bool> too_far = false;
  std::atomic<std::int64_t> in_use = 0;
  auto plan = plan_of(0, 1000, 3, 4);
  plan.buffers = 3;
  plan.begin = [&](std::int64_t block) {
    EXPECT_EQ(block, begun + 1);
    begun = block;
    if (block > in_use + 2) too_far = true;
  };
  Prefetcher blocks(std::move(plan));
  while (begun < 2) std::this_thread::yield();  // without anybody asking
  for (std::int64_t block = 0; block < 50; ++block) {
    in_use = block;
    blocks.next();
  }
  while (begun < 51) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_FALSE(too_far);
  EXPECT_EQ(begun, 51);  // the block in use and two more
}

TEST(Prefetcher, KeepsABlockAsItIsWhileItIsInUse) {
  Prefetcher blocks(plan_of(0, 20, 2, 4));
  for (std::int64_t block = 0; block < 20; ++block) {
    const at::Tensor& bytes = blocks.next();
    const at::Tensor before = bytes.clone();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    EXPECT_TRUE(at::equal(bytes, before));
  }
}

TEST(Prefetcher, ThrowsWhatABlockThrewWhenItComesToIt) {
  auto plan = plan_of(0, 10, 4, 2);
  plan.make = [](std::int64_t block, std::int64_t row, std::uint8_t*) {
    if (block == 2 && row == 1) throw std::runtime_error("broken");
  };
  Prefetcher blocks(std::move(plan));
  blocks.next();
  blocks.next();
  EXPECT_THROW(blocks.next(), std::runtime_error);

  auto unbegun = plan_of(0, 10, 4, 2);
  unbegun.begin = [](std::int64_t) { throw std::runtime_error("no plan"); };
  Prefetcher never(std::move(unbegun));
  EXPECT_THROW(never.next(), std::runtime_error);
}

TEST(Prefetcher, EndsWhileItsThreadsAreAtWork) {
  for (int i = 0; i < 50; ++i) {
    Prefetcher blocks(plan_of(0, 1'000'000, 8, 3));
    if (i % 2 == 1) blocks.next();
  }
}

}  // namespace
}  // namespace edgesweep
