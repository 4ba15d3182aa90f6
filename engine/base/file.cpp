#include "engine/base/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "engine/base/error.hpp"
#include "engine/base/system_calls.hpp"

namespace edgesweep {
namespace {

std::string last_error(const std::string& action) {
  return action + ": " + std::strerror(errno);
}

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (value_ >= 0) {
      ::close(value_);
    }
  }
  int get() const { return value_; }
  /// Some file systems report a failed write only here.
  bool close() { return ::close(std::exchange(value_, -1)) == 0; }

 private:
  int value_;
};

template <typename Buffer>
Buffer read_file(const std::string& path) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) {
    throw InputError(path, last_error("can't be opened"));
  }
  struct stat status {};
  if (fstat(file.get(), &status) != 0) {
    throw SystemError(path, last_error("can't be examined"));
  }
  if (S_ISDIR(status.st_mode)) {
    throw InputError(path, "is a directory; a file is expected");
  }
  Buffer content;
  // The size is a hint: pipes and /proc have none. One byte more finds the end without growing.
  content.resize(static_cast<std::size_t>(status.st_size) + 1);
  std::size_t size = 0;
  while (true) {
    if (size == content.size()) {
      content.resize(2 * size);
    }
    const ssize_t got = read(file.get(), content.data() + size, content.size() - size);
    if (got < 0 && errno != EINTR) {
      throw SystemError(path, last_error("can't be read"));
    }
    if (got == 0) {
      content.resize(size);
      return content;
    }
    size += got < 0 ? 0 : static_cast<std::size_t>(got);
  }
}

enum class Sync { no, yes };

void write_partial(const std::string& partial, std::span<const std::byte> content, Sync sync) {
  Descriptor file(open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (file.get() < 0) {
    throw SystemError(partial, last_error("can't be made"));
  }
  if (!calls::write(file.get(), content, partial)) {
    throw SystemError(partial, last_error("can't be written"));
  }
  if (sync == Sync::yes && !calls::sync(file.get(), partial)) {
    throw SystemError(partial, last_error("can't be synced to disk"));
  }
  if (!file.close()) {
    throw SystemError(partial, last_error("can't be closed"));
  }
}

void write_and_rename(const std::string& partial, const std::string& path, std::span<const std::byte> content, Sync sync) {
  try {
    write_partial(partial, content, sync);
    if (!calls::rename(partial, path)) {
      throw SystemError(path, last_error("can't be put in place"));
    }
  } catch (const SystemError&) {
    unlink(partial.c_str());
    throw;
  }
}

}  // namespace

std::string read_text_file(const std::string& path) {
  return read_file<std::string>(path);
}

std::vector<std::byte> read_binary_file(const std::string& path) {
  return read_file<std::vector<std::byte>>(path);
}

void write_file_atomically(const std::string& path, std::span<const std::byte> content) {
  write_and_rename(path + ".partial." + std::to_string(getpid()), path, content, Sync::yes);
  sync_path(directory_of(path));
}

void replace_file(const std::string& path, std::string_view content) {
  write_and_rename(path + ".partial", path, std::as_bytes(std::span(content)), Sync::no);
}

void write_file_atomically(const std::string& path, std::string_view content) {
  write_file_atomically(path, std::as_bytes(std::span(content)));
}

void sync_path(const std::string& path) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) {
    throw SystemError(path, last_error("can't be opened"));
  }
  if (!calls::sync(file.get(), path)) {
    throw SystemError(path, last_error("can't be synced to disk"));
  }
}

std::string directory_of(const std::string& path) {
  const std::string directory = std::filesystem::path(path).parent_path().string();
  return directory.empty() ? "." : directory;
}

void require_writable_directory(const std::string& path) {
  const std::string directory = directory_of(path);
  std::error_code ignored;
  if (!std::filesystem::is_directory(directory, ignored)) {
    throw InputError(path, "there is no directory \"" + directory + "\"");
  }
  // Only trying tells: for root, access(2) allows what read-only and virtual file systems then refuse.
  std::string probe = directory + "/.edgesweep-XXXXXX";
  const Descriptor file(mkostemp(probe.data(), O_CLOEXEC));
  if (file.get() < 0) {
    throw InputError(path, last_error("no file can be made in \"" + directory + "\""));
  }
  unlink(probe.c_str());
}

void make_directory(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) {
    throw SystemError(path, "the directory can't be made: " + error.message());
  }
}

TemporaryName::TemporaryName(std::string path) : path_(std::move(path)) { unlink(path_.c_str()); }

TemporaryName::~TemporaryName() { unlink(path_.c_str()); }

LineLog::LineLog(const std::string& path)
    : descriptor_(open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0666)), path_(path) {
  if (descriptor_ < 0) {
    throw SystemError(path_, last_error("can't be opened for appending"));
  }
  const off_t size = lseek(descriptor_, 0, SEEK_END);
  char last = '\n';
  torn_ = size > 0 && (pread(descriptor_, &last, 1, size - 1) != 1 || last != '\n');
}

LineLog::LineLog(LineLog&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), torn_(other.torn_), path_(std::move(other.path_)) {}

LineLog& LineLog::operator=(LineLog&& other) noexcept {
  if (this != &other) {
    if (descriptor_ >= 0) {
      ::close(descriptor_);
    }
    descriptor_ = std::exchange(other.descriptor_, -1);
    torn_ = other.torn_;
    path_ = std::move(other.path_);
  }
  return *this;
}

LineLog::~LineLog() {
  if (descriptor_ >= 0) {
    ::close(descriptor_);
  }
}

void LineLog::append(std::string_view line) {
  std::string whole(torn_ ? "\n" : "");
  whole += line;
  whole += '\n';
  torn_ = true;  // what a failure leaves behind
  if (!calls::write(descriptor_, std::as_bytes(std::span(whole)), path_)) {
    throw SystemError(path_, last_error("can't be appended to"));
  }
  torn_ = false;
}

void LineLog::sync() {
  if (!calls::sync(descriptor_, path_)) {
    throw SystemError(path_, last_error("can't be synced to disk"));
  }
}

}  // namespace edgesweep
