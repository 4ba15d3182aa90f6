#pragma once

#include <stdexcept>
#include <string>

namespace edgesweep {

/// What the process returns to the shell. Scripts rely on these numbers.
enum class ExitCode : int {
  success = 0,        ///< every trial is done or diverged
  failure = 1,        ///< anything that no other code names
  bad_input = 2,      ///< bad usage or bad input; nothing was written
  failed_trials = 3,  ///< finished, but some trials failed
  interrupted = 75,   ///< stopped on request; `--resume` goes on
};

/// What an exception says, as one line: its first one, at most 500 bytes. LibTorch appends its call stack to what().
std::string one_line(const char* what);

/// Base of every error that edgesweep throws on purpose.
/// `subject` names the file, the JSON path or the option; `reason` says what was found and what is allowed.
class Error : public std::runtime_error {
 public:
  Error(std::string subject, std::string reason);

  const std::string& subject() const { return subject_; }
  const std::string& reason() const { return reason_; }

 private:
  std::string subject_;
  std::string reason_;
};

/// The person can mend it: a bad option, sweep file, data file or store. Exit code 2.
class InputError : public Error {
 public:
  using Error::Error;
};

/// The machine failed us: a full disk, a lost file, a broken connection. Exit code 1.
class SystemError : public Error {
 public:
  using Error::Error;
};

}  // namespace edgesweep
