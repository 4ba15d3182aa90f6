#include "engine/store/store_lock.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <span>
#include <sstream>
#include <thread>
#include <utility>

#include "engine/base/clock.hpp"
#include "engine/base/error.hpp"
#include "engine/base/file.hpp"
#include "engine/base/log.hpp"
#include "engine/base/system_calls.hpp"

namespace edgesweep {
namespace {

/// For a lock that another process is just judging, replacing or holding for a write.
constexpr int kMostTries = 250;
constexpr auto kPause = std::chrono::milliseconds(20);

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/// State letter and start time of a process (proc(5): fields 3 and 22 of /proc/<pid>/stat); empty if there is none.
std::optional<std::pair<char, std::int64_t>> process_stat(std::int64_t pid) {
  const std::string line = first_line("/proc/" + std::to_string(pid) + "/stat");
  // The second field is the program's name in parentheses, which may hold blanks and parentheses itself.
  const auto name_end = line.rfind(')');
  if (name_end == std::string::npos) return {};
  std::istringstream rest(line.substr(name_end + 1));
  char state = 0;
  rest >> state;
  std::string skipped;
  for (int field = 4; field < 22; ++field) rest >> skipped;
  std::int64_t start_time = 0;
  rest >> start_time;
  if (!rest) return {};
  return std::pair{state, start_time};
}

std::string own_pid_namespace() {
  char target[128] = "";
  const auto length = readlink("/proc/self/ns/pid", target, sizeof target);
  return length > 0 ? std::string(target, static_cast<std::size_t>(length)) : "";
}

std::optional<LockOwner> parse_owner(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return {};
  try {
    return LockOwner{.host = json.at("host"),
                     .machine = json.at("machine"),
                     .boot = json.at("boot"),
                     .pid_namespace = json.at("pid_namespace"),
                     .pid = json.at("pid"),
                     .start_time = json.at("start_time"),
                     .created = json.at("created")};
  } catch (const Json::exception&) {
    return {};
  }
}

bool is_file(const std::string& path, dev_t device, ino_t inode) {
  struct stat there {};
  return stat(path.c_str(), &there) == 0 && there.st_dev == device && there.st_ino == inode;
}

/// True unless another process holds the file's flock. A file system without flock has no second guard: the rename alone
/// decides.
bool flock_now(int descriptor) { return flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK; }

std::string content_of(int descriptor) {
  std::string text(4096, '\0');
  const auto length = pread(descriptor, text.data(), text.size(), 0);
  text.resize(length > 0 ? static_cast<std::size_t>(length) : 0);
  return text;
}

/// An open lock file, flocked while its owner is judged and it is replaced. The kernel lets go of the flock if the
/// process dies, so that no guard is left behind.
class Guard {
 public:
  /// Throws InputError if there is a lock that this user may not read.
  explicit Guard(const std::string& path) : descriptor_(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK)) {
    // The lock of another user may only be readable; NFS wants a file open for writing to flock it, others do not.
    if (descriptor_ < 0 && errno != ENOENT) descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor_ < 0 && errno != ENOENT && errno != ESTALE)
      throw InputError(path, std::string("the store is owned, by whom can't be read: ") + std::strerror(errno));
  }
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;
  ~Guard() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  bool is_open() const { return descriptor_ >= 0; }

  /// False if another process holds it.
  bool lock() { return flock_now(descriptor_); }

  /// True if `path` is still the file that was opened.
  bool is_at(const std::string& path) const {
    struct stat mine {};
    return fstat(descriptor_, &mine) == 0 && is_file(path, mine.st_dev, mine.st_ino);
  }

  std::string content() const { return content_of(descriptor_); }

 private:
  int descriptor_;
};

/// A file with this process as owner under a name that no other has, also not one of the same host name and pid in
/// another container. Gone with the object.
class Proposal {
 public:
  explicit Proposal(const std::string& lock_path, const LockOwner& owner)
      : path_(lock_path + "." + owner.host + "." + std::to_string(owner.pid) + ".XXXXXX"),
        descriptor_(mkostemp(path_.data(), O_CLOEXEC)) {
    if (descriptor_ < 0) throw SystemError(lock_path, std::string("can't be made: ") + std::strerror(errno));
    const std::string text = owner.to_json().dump() + "\n";
    struct stat status {};
    // Others may ask who owns the store.
    if (fchmod(descriptor_, 0644) != 0 || !calls::write(descriptor_, std::as_bytes(std::span(text)), path_) ||
        !calls::sync(descriptor_, path_) || fstat(descriptor_, &status) != 0) {
      const std::string reason = std::strerror(errno);
      ::close(descriptor_);
      unlink(path_.c_str());
      throw SystemError(path_, "can't be written: " + reason);
    }
    device = status.st_dev;
    inode = status.st_ino;
  }
  Proposal(const Proposal&) = delete;
  Proposal& operator=(const Proposal&) = delete;
  ~Proposal() {
    if (descriptor_ >= 0) ::close(descriptor_);
    unlink(path_.c_str());
  }

  const std::string& path() const { return path_; }
  int take_descriptor() { return std::exchange(descriptor_, -1); }
  dev_t device = 0;
  ino_t inode = 0;

 private:
  std::string path_;
  int descriptor_;
};

/// Removes what a process that was killed in the middle of acquire() has left: files of proposals whose owner is surely
/// dead, and those that do not say so and have not changed for a while.
void remove_dead_proposals(const std::string& lock_path) {
  constexpr auto kLongAgo = std::chrono::minutes(1);
  const std::filesystem::path path(lock_path);
  const std::string prefix = path.filename().string() + ".";
  std::error_code error;
  for (std::filesystem::directory_iterator entry(path.has_parent_path() ? path.parent_path() : ".", error), end;
       !error && entry != end; entry.increment(error)) {
    if (!entry->path().filename().string().starts_with(prefix)) continue;
    const std::string name = entry->path().string();
    const auto owner = parse_owner(first_line(name));
    std::error_code ignored;
    const auto changed = std::filesystem::last_write_time(name, ignored);
    const bool is_old = !ignored && std::filesystem::file_time_type::clock::now() - changed > kLongAgo;
    if (owner ? owner_fate(*owner) == OwnerFate::dead : is_old) unlink(name.c_str());
  }
}

std::string describe(const LockOwner& owner) {
  return "process " + std::to_string(owner.pid) + " on host " + owner.host + " since " + owner.created;
}

/// Throws InputError unless the lock with this content may be taken over; else says from whom and why.
std::string require_free(const std::string& lock_path, const std::string& content, bool take_over) {
  const auto owner = parse_owner(content);
  if (!owner) {
    if (take_over) return "an unreadable owner, as --take-over asks";
    throw InputError(lock_path, "is damaged and does not say who owns the store; if no run does, use --take-over");
  }
  const OwnerFate fate = owner_fate(*owner);
  if (fate == OwnerFate::alive)
    throw InputError(lock_path, "the store is being written by " + describe(*owner) + ", which is running; end it first");
  if (fate == OwnerFate::unknown && !take_over)
    throw InputError(lock_path, "the store belongs to " + describe(*owner) +
                                    ", which may still be running; if it surely is not, use --take-over");
  return describe(*owner) + (fate == OwnerFate::dead ? ", which is gone" : ", as --take-over asks");
}

}  // namespace

std::optional<LockOwner> lock_owner(const std::string& lock_path) {
  struct stat there {};
  if (stat(lock_path.c_str(), &there) != 0 && errno == ENOENT) return {};
  const auto owner = parse_owner(first_line(lock_path));
  if (!owner) return LockOwner{};
  return owner_fate(*owner) == OwnerFate::dead ? std::nullopt : owner;
}

bool is_owned(const std::string& lock_path) { return lock_owner(lock_path).has_value(); }

LockOwner LockOwner::self() {
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  const auto stat = process_stat(getpid());
  return {.host = host,
          .machine = first_line("/etc/machine-id"),
          .boot = first_line("/proc/sys/kernel/random/boot_id"),
          .pid_namespace = own_pid_namespace(),
          .pid = getpid(),
          .start_time = stat ? stat->second : 0,
          .created = utc_timestamp()};
}

Json LockOwner::to_json() const {
  return {{"host", host},         {"machine", machine}, {"boot", boot},       {"pid_namespace", pid_namespace},
          {"pid", pid}, {"start_time", start_time}, {"created", created}};
}

OwnerFate owner_fate(const LockOwner& owner) {
  const LockOwner here = LockOwner::self();
  if (owner.host != here.host || owner.machine != here.machine) return OwnerFate::unknown;
  // Without a machine id, another boot may be that of another machine of the same name.
  if (owner.boot != here.boot) return owner.machine.empty() ? OwnerFate::unknown : OwnerFate::dead;
  if (owner.pid_namespace != here.pid_namespace) return OwnerFate::unknown;
  if (kill(static_cast<pid_t>(owner.pid), 0) != 0 && errno == ESRCH) return OwnerFate::dead;
  const auto stat = process_stat(owner.pid);
  // /proc may hide other users' processes.
  if (!stat) return OwnerFate::unknown;
  const bool ended = stat->first == 'Z' || stat->first == 'X';
  return ended || stat->second != owner.start_time ? OwnerFate::dead : OwnerFate::alive;
}

StoreLock::StoreLock(std::string path, dev_t device, ino_t inode, int descriptor)
    : path_(std::move(path)), device_(device), inode_(inode), descriptor_(descriptor), pid_(getpid()) {}

StoreLock StoreLock::acquire(const std::string& lock_path, bool take_over) {
  require_writable_directory(lock_path);
  Proposal proposal(lock_path, LockOwner::self());
  for (int attempt = 0; attempt < kMostTries; ++attempt) {
    const int error = link(proposal.path().c_str(), lock_path.c_str()) == 0 ? 0 : errno;
    // NFS may report failure of a link that was made: what counts is whose file is there.
    if (error == 0 || is_file(lock_path, proposal.device, proposal.inode)) {
      remove_dead_proposals(lock_path);
      return {lock_path, proposal.device, proposal.inode, proposal.take_descriptor()};
    }
    if (error != EEXIST) throw SystemError(lock_path, std::string("can't be made: ") + std::strerror(error));

    Guard guard(lock_path);
    if (guard.is_open() && guard.is_at(lock_path)) {
      const bool locked = guard.lock();
      const std::string from = require_free(lock_path, guard.content(), take_over);
      // The owner may have released the lock, and a third process taken it, before the owner was found dead.
      if (locked && guard.is_at(lock_path)) {
        if (!calls::rename(proposal.path(), lock_path))
          throw SystemError(lock_path, std::string("can't be taken over: ") + std::strerror(errno));
        log_info(lock_path + ": taken over from " + from);
        remove_dead_proposals(lock_path);
        return {lock_path, proposal.device, proposal.inode, proposal.take_descriptor()};
      }
    }
    std::this_thread::sleep_for(kPause);
  }
  const auto owner = parse_owner(first_line(lock_path));
  throw InputError(lock_path, "the store is being written at this moment, or taken over, by " +
                                  (owner ? describe(*owner) : "another process") + "; try again later");
}

StoreLock::StoreLock(StoreLock&& other) noexcept
    : path_(std::move(other.path_)), device_(other.device_), inode_(other.inode_),
      descriptor_(std::exchange(other.descriptor_, -1)), pid_(std::exchange(other.pid_, 0)) {}

StoreLock& StoreLock::operator=(StoreLock&& other) noexcept {
  if (this != &other) {
    release();
    path_ = std::move(other.path_);
    device_ = other.device_;
    inode_ = other.inode_;
    descriptor_ = std::exchange(other.descriptor_, -1);
    pid_ = std::exchange(other.pid_, 0);
  }
  return *this;
}

StoreLock::~StoreLock() { release(); }

std::string StoreLock::loss() const {
  struct stat there {};
  if (stat(path_.c_str(), &there) != 0)
    // Only a file that is surely not there says anything; a disk that does not answer does not.
    return errno == ENOENT || errno == ENOTDIR ? "its lock " + path_ + " was removed" : "";
  if (there.st_dev == device_ && there.st_ino == inode_) return "";
  const auto owner = parse_owner(first_line(path_));
  return "was taken over by " + (owner ? describe(*owner) : "another run");
}

void StoreLock::begin_write() const {
  // A process that takes over holds the flock for a moment, and then the lock is lost; one that hangs is not waited for.
  for (int tries = 0; !flock_now(descriptor_) && tries < kMostTries; ++tries) std::this_thread::sleep_for(kPause);
}

void StoreLock::end_write() const noexcept { flock(descriptor_, LOCK_UN); }

void StoreLock::release() noexcept {
  // A forked child has a copy of this object, but not the lock.
  if (pid_ == getpid()) {
    // Who takes over holds the flock from its judgement to its rename: not to remove what is another's lock by then. If it
    // holds it for long, the lock stays, as that of a process that is gone.
    int tries = 0;
    while (!flock_now(descriptor_) && ++tries < kMostTries) std::this_thread::sleep_for(kPause);
    if (tries < kMostTries && held()) unlink(path_.c_str());
  }
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  pid_ = 0;
}

}  // namespace edgesweep
