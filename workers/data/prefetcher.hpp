#pragma once

#include <ATen/core/Tensor.h>

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace edgesweep {

/// Blocks of rows of bytes that threads make ahead of their use, in a ring of a few buffers: that is all the memory it takes.
/// What is in a block does not depend on the number of threads.
class Prefetcher {
 public:
  /// Makes row `row` of block `block` at `out`, `row_bytes` bytes; called by several threads at once, each row once.
  using Make = std::function<void(std::int64_t block, std::int64_t row, std::uint8_t* out)>;

  struct Plan {
    std::int64_t first_block = 0;
    std::int64_t end_block = 0;   ///< nothing is made from here on
    std::int64_t rows = 1;        ///< of a block
    std::int64_t row_bytes = 1;
    int threads = 1;
    int buffers = 3;              ///< one in use, the others being filled
    bool pinned = false;          ///< memory that a GPU copies from
    /// Called for each block in order, before any of its rows is made; never more than `buffers` − 1 blocks ahead of next().
    std::function<void(std::int64_t block)> begin;
    Make make;
  };

  explicit Prefetcher(Plan plan);
  ~Prefetcher();
  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;

  /// The next block, rows × row_bytes bytes (uint8, CPU), valid until the call after; waits for it. Throws what making it threw.
  const at::Tensor& next();
  /// Which block next() gives.
  std::int64_t next_block() const { return next_; }

 private:
  struct Buffer {
    at::Tensor bytes;
    std::int64_t missing = 0;  ///< rows that are not made yet
    std::exception_ptr error;
  };

  void work();
  Buffer& buffer_of(std::int64_t block) { return ring_[static_cast<std::size_t>(block) % ring_.size()]; }

  Plan plan_;
  std::vector<Buffer> ring_;
  std::int64_t next_;       // only the caller's
  std::mutex mutex_;        // of all below, and of buffers' counts
  std::condition_variable made_, wanted_;
  std::int64_t released_;   // blocks before this one are not in use any more
  std::int64_t block_;      // of the next row to make
  std::int64_t row_ = 0;
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace edgesweep
