#include "workers/data/prefetcher.hpp"

#include <ATen/ATen.h>
#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <utility>

namespace edgesweep {
namespace {

/// While it lives, threads that start take no signals: they are for the main thread.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace

Prefetcher::Prefetcher(Plan plan)
    : plan_(std::move(plan)),
      ring_(static_cast<std::size_t>(std::max(2, plan_.buffers))),
      next_(plan_.first_block),
      released_(plan_.first_block),
      block_(plan_.first_block) {
  const auto options = at::TensorOptions().dtype(at::kByte).pinned_memory(plan_.pinned);
  for (Buffer& buffer : ring_) buffer.bytes = at::empty({plan_.rows, plan_.row_bytes}, options);
  const SignalsBlocked blocked;
  for (int i = 0; i < std::max(1, plan_.threads); ++i) threads_.emplace_back([this] { work(); });
}

Prefetcher::~Prefetcher() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wanted_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

const at::Tensor& Prefetcher::next() {
  std::unique_lock lock(mutex_);
  released_ = next_;
  wanted_.notify_all();
  Buffer& buffer = buffer_of(next_);
  made_.wait(lock, [&] { return block_ > next_ && buffer.missing == 0; });
  if (buffer.error) std::rethrow_exception(buffer.error);
  ++next_;
  return buffer.bytes;
}

void Prefetcher::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    wanted_.wait(lock, [&] {
      return stop_ || (block_ < plan_.end_block && block_ < released_ + static_cast<std::int64_t>(ring_.size()));
    });
    if (stop_) return;
    const std::int64_t block = block_, row = row_;
    Buffer& buffer = buffer_of(block);
    if (row == 0) {
      buffer.error = nullptr;
      buffer.missing = plan_.rows;
      try {
        plan_.begin(block);
      } catch (...) {
        buffer.error = std::current_exception();
      }
    }
    if (++row_ == plan_.rows) {
      row_ = 0;
      ++block_;
    }
    const bool broken = buffer.error != nullptr;
    lock.unlock();
    std::exception_ptr error;
    try {
      if (!broken) plan_.make(block, row, buffer.bytes.data_ptr<std::uint8_t>() + row * plan_.row_bytes);
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    if (error && !buffer.error) buffer.error = error;
    if (--buffer.missing == 0) made_.notify_all();
  }
}

}  // namespace edgesweep
