#pragma once

#include <string>
#include <string_view>

// Faults on purpose, for tests of what must survive them: part of every build, so that what is tested is what runs.
namespace edgesweep {

/// The calls to the outside that can be made to fail. `send` and `receive` are messages between ranks and between a rank
/// and its trainer process.
enum class FaultPoint { write, sync, rename, send, receive };

/// Sets the faults of this process, in place of earlier ones; none if `plan` is empty. A plan is a list of
/// `[PROCESS/]CALL[@TEXT]:COUNT:EFFECT`, separated by commas:
///   PROCESS  rank0, rank1, … or trainer1, …: where it happens; everywhere if left out
///   CALL     write, sync, rename, send or receive
///   TEXT     part of the path, or of `mpi` and `trainer` for messages; any if left out
///   COUNT    N the n-th such call of the process, N-M from the n-th to the m-th, N- all from the n-th on
///   EFFECT   ENOSPC, EDQUOT, EIO, EROFS, EPIPE, ENOENT or ESTALE: it fails so; kill: SIGKILL to the own process before it;
///            torn: half of it is written, then SIGKILL (write only); stop: SIGSTOP before it
/// For example `write@.ckpt:3:ENOSPC,rank0/sync:100:kill`. Throws InputError, naming `source`.
void set_faults(const std::string& plan, const std::string& source = "faults");

/// set_faults(), of the environment's EDGESWEEP_FAULTS. `process` is this one's name in plans.
void set_faults_from_environment(const std::string& process);

/// What an armed fault does to a call now.
struct InjectedFault {
  int error = 0;      ///< errno to fail with; 0: the call goes through
  bool torn = false;  ///< to write half, then to call die_of_fault()
};

/// Counts a call and says what happens to it. Without faults it costs one load. May not return, or return late.
InjectedFault injected_fault(FaultPoint point, std::string_view subject);

/// SIGKILL to this process.
[[noreturn]] void die_of_fault();

}  // namespace edgesweep
