#pragma once

#include <cstddef>
#include <span>

namespace edgesweep {

/// Memory that a rank and its trainer process both see: an unnamed file in memory, mapped. Takes room as it is written.
class SharedBuffer {
 public:
  static constexpr std::size_t kBytes = std::size_t{8} << 20;

  /// A new one. Throws SystemError.
  SharedBuffer();
  /// The one behind an inherited descriptor, which it owns from now on. Throws SystemError.
  explicit SharedBuffer(int descriptor);
  SharedBuffer(const SharedBuffer&) = delete;
  SharedBuffer& operator=(const SharedBuffer&) = delete;
  ~SharedBuffer();

  int descriptor() const { return descriptor_; }

  /// The first `count` numbers of it.
  template <typename Number>
  std::span<Number> numbers(std::size_t count) const {
    return {static_cast<Number*>(data_), count};
  }

 private:
  void map();

  int descriptor_;
  void* data_ = nullptr;
};

}  // namespace edgesweep
