#include "engine/mpi/communicator.hpp"

#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <exception>
#include <thread>
#include <utility>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/base/fault_injection.hpp"
#include "engine/base/log.hpp"
#include "engine/mpi/check.hpp"

namespace edgesweep {

namespace {

void meet_faults(FaultPoint point, const char* call) {
  if (const InjectedFault fault = injected_fault(point, "mpi"); fault.error != 0) {
    throw SystemError(call, std::strerror(fault.error));
  }
}

}  // namespace

struct Communicator::Impl {
  struct Pending {
    MPI_Request request = MPI_REQUEST_NULL;
    Bytes content;
  };

  MPI_Comm comm = MPI_COMM_NULL;
  int rank = 0;
  int size = 1;
  std::vector<Pending> pending;  // elements move, the bytes that MPI reads do not

  void drop_sent() {
    std::erase_if(pending, [](Pending& message) {
      int done = 0;
      check_mpi(MPI_Test(&message.request, &done, MPI_STATUS_IGNORE), "MPI_Test");
      return done != 0;
    });
  }

  void wait_until_pending(std::size_t most) {
    Backoff backoff;
    for (drop_sent(); pending.size() > most; drop_sent()) {
      backoff.wait();
    }
  }
};

Communicator::Communicator() : impl_(std::make_unique<Impl>()) {
  check_mpi(MPI_Comm_dup(MPI_COMM_WORLD, &impl_->comm), "MPI_Comm_dup");
  check_mpi(MPI_Comm_set_errhandler(impl_->comm, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  check_mpi(MPI_Comm_rank(impl_->comm, &impl_->rank), "MPI_Comm_rank");
  check_mpi(MPI_Comm_size(impl_->comm, &impl_->size), "MPI_Comm_size");
}

Communicator::Communicator(Communicator&&) noexcept = default;
Communicator& Communicator::operator=(Communicator&&) noexcept = default;

Communicator::~Communicator() {
  // A failed job is aborted, not taken apart: MPI_Comm_free would wait for ranks that will not come.
  if (impl_ && std::uncaught_exceptions() == 0) {
    if (!impl_->pending.empty()) {
      log_warning("messages were still under way when their rank ended");
    }
    MPI_Comm_free(&impl_->comm);
  }
}

int Communicator::rank() const { return impl_->rank; }

int Communicator::size() const { return impl_->size; }

void Communicator::send(int to, Bytes content, int place) {
  meet_faults(FaultPoint::send, "MPI_Isend");
  impl_->wait_until_pending(kMaxPending - 1);
  Impl::Pending& message = impl_->pending.emplace_back();
  message.content = std::move(content);
  check_mpi(MPI_Isend(message.content.data(), static_cast<int>(message.content.size()), MPI_BYTE, to, place, impl_->comm,
                      &message.request),
            "MPI_Isend");
}

std::optional<Parcel> Communicator::try_receive() {
  impl_->drop_sent();
  int there = 0;
  MPI_Message message = MPI_MESSAGE_NULL;
  MPI_Status status;
  // Open MPI looks at what it has taken in before, and only then takes in what has come: that the second look finds, not one
  // after the caller's pause.
  for (int look = 0; look < 2 && there == 0; ++look) {
    check_mpi(MPI_Improbe(MPI_ANY_SOURCE, MPI_ANY_TAG, impl_->comm, &there, &message, &status), "MPI_Improbe");
  }
  if (there == 0) {
    return std::nullopt;
  }
  meet_faults(FaultPoint::receive, "MPI_Mrecv");
  int size = 0;
  check_mpi(MPI_Get_count(&status, MPI_BYTE, &size), "MPI_Get_count");
  Parcel parcel{status.MPI_SOURCE, status.MPI_TAG, Bytes(static_cast<std::size_t>(size))};
  check_mpi(MPI_Mrecv(parcel.content.data(), size, MPI_BYTE, &message, MPI_STATUS_IGNORE), "MPI_Mrecv");
  return parcel;
}

void Communicator::flush() { impl_->wait_until_pending(0); }

void Backoff::wait() {
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds_));
  seconds_ = std::min(1.25 * seconds_, longest_seconds_);
}

}  // namespace edgesweep
