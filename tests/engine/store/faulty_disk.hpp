#pragma once

#include <sys/types.h>

#include <optional>
#include <vector>

namespace edgesweep::faulty_disk {

/// A write, or (without offset) a sync, that the program made.
struct Operation {
  std::optional<off_t> offset;
  std::vector<char> content;
};

/// The linker puts this program's pwrite, fdatasync and fallocate here first (--wrap): they are noted
/// (and syncs only noted) while `recording`, and fail with the error numbers below while their counters say so.
struct Disk {
  bool recording = false;
  std::vector<Operation> operations;
  int writes_before_failure = -1;  ///< −1: writes never fail
  int syncs_before_failure = -1;
  int error = 0;                ///< errno of what fails
  bool can_reserve = true;      ///< false: fallocate says EOPNOTSUPP, as on some network file systems
};

Disk& disk();

}  // namespace edgesweep::faulty_disk
