#pragma once

#include <sys/types.h>

#include <optional>
#include <vector>

namespace edgesweep::recorded_disk {

/// A write, or (without offset) a sync, that the program made.
struct Operation {
  std::optional<off_t> offset;
  std::vector<char> content;
};

/// The linker puts this program's pwrite, fdatasync and fallocate here first (--wrap): while `recording` writes are noted, and
/// syncs noted in place of being made.
struct Disk {
  bool recording = false;
  std::vector<Operation> operations;
  bool can_reserve = true;  ///< false: fallocate says EOPNOTSUPP, as on some network file systems
};

Disk& disk();

}  // namespace edgesweep::recorded_disk
