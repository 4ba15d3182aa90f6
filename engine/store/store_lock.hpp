#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "engine/base/json.hpp"

namespace edgesweep {

/// Who owns a store. A process is told from a later one of the same pid by its start time, and a machine from another
/// of the same name by its machine id.
struct LockOwner {
  std::string host;           ///< host name
  std::string machine;        ///< /etc/machine-id, empty if there is none
  std::string boot;           ///< /proc/sys/kernel/random/boot_id
  std::string pid_namespace;  ///< target of /proc/self/ns/pid
  std::int64_t pid = 0;
  std::int64_t start_time = 0;  ///< of the process, in clock ticks since boot: field 22 of /proc/<pid>/stat
  std::string created;          ///< ISO 8601 UTC

  /// This process.
  static LockOwner self();

  Json to_json() const;
};

/// What is known of a lock's owner from this machine.
enum class OwnerFate { dead, alive, unknown };

/// dead: same machine, and rebooted since, or no process of that pid and start time. unknown: another machine, one that
/// may be another, or another pid namespace of this one.
OwnerFate owner_fate(const LockOwner& owner);

/// Who holds a lock, unless there is none, or its owner is surely dead. A lock that is damaged or can't be read has an owner
/// with no host.
std::optional<LockOwner> lock_owner(const std::string& lock_path);

/// True if there is a lock whose owner is not surely dead; one that is damaged or can't be read counts.
bool is_owned(const std::string& lock_path);

/// The right to write a store: the file StorePaths::lock, which holds the owner as JSON. Appears whole (hard link) and
/// is never waited for. Move-only; released by the destructor, unless someone else has taken it over.
class StoreLock {
 public:
  /// Takes the lock at once or throws InputError that names its owner's host and pid. A dead owner's lock is taken over,
  /// with a line in the log; one whose owner is unknown, and a damaged one, only with `take_over`; a living one's never.
  /// Throws SystemError if the lock file can't be made.
  static StoreLock acquire(const std::string& lock_path, bool take_over);

  StoreLock(StoreLock&& other) noexcept;
  StoreLock& operator=(StoreLock&& other) noexcept;
  ~StoreLock();

  /// How the lock was lost, as what happened to its store: taken over by whom, or the lock file removed. This process must
  /// stop writing then. Empty while it is held, and while the file system does not answer.
  std::string loss() const;
  bool held() const { return loss().empty(); }

  /// Between the two nobody takes the store over, so that a process that was held up in the middle of a write does not end
  /// it over what the next owner wrote. The loss is to be asked for after the first. Where the file system has no flock they
  /// do nothing.
  void begin_write() const;
  void end_write() const noexcept;

 private:
  StoreLock(std::string path, dev_t device, ino_t inode, int descriptor);
  void release() noexcept;

  std::string path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
  int descriptor_ = -1;  ///< of the lock file: while it is open, no other file gets its inode number
  pid_t pid_ = 0;
};

}  // namespace edgesweep
