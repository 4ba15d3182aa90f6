#include "engine/mpi/rank_team.hpp"

#include <mpi.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <exception>
#include <utility>
#include <vector>

#include "engine/base/clock.hpp"
#include "engine/mpi/check.hpp"
#include "engine/mpi/communicator.hpp"

namespace edgesweep {
namespace {

/// How long a wait spins before it sleeps.
constexpr double kSpinSeconds = 300e-6;
constexpr double kLongestPause = 1e-3;

/// Values of one round of a sum: bounds the memory beside them.
constexpr std::size_t kRound = std::size_t{1} << 22;

/// Bytes of one broadcast.
constexpr std::size_t kBroadcast = std::size_t{1} << 30;

/// Room for the text of a failure.
constexpr std::size_t kFailureText = 500;

/// How a failed member differs from all calls.
constexpr std::uint64_t kFailed = std::uint64_t{1} << 63;

/// Bits, the call, its complement.
using FirstWords = std::array<std::uint64_t, 3>;

template <typename Number>
MPI_Datatype type_of();
template <>
MPI_Datatype type_of<float>() {
  return MPI_FLOAT;
}
template <>
MPI_Datatype type_of<double>() {
  return MPI_DOUBLE;
}

/// One member's failure as all tell it.
struct FailureForm {
  std::int32_t failed = 0;
  std::int32_t unfit = 0;
  std::array<char, kFailureText> reason{};
};

void copy_text(const std::string& from, std::array<char, kFailureText>& to) {
  const std::size_t length = std::min(from.size(), to.size() - 1);
  std::memcpy(to.data(), from.data(), length);
  to[length] = '\0';
}

}  // namespace

struct RankTeam::Impl {
  MPI_Comm comm = MPI_COMM_NULL;
  int first = 0;  ///< the leader's rank in the world
  int rank = 0;
  int size = 1;
  std::function<void()> while_waiting;

  void wait(MPI_Request request) const {
    const double began = monotonic_seconds();
    Backoff backoff(kLongestPause);
    while (true) {
      int done = 0;
      check_mpi(MPI_Test(&request, &done, MPI_STATUS_IGNORE), "MPI_Test");
      if (done != 0) {
        return;
      }
      if (monotonic_seconds() - began < kSpinSeconds) {
        sched_yield();
        continue;
      }
      if (while_waiting) {
        while_waiting();
      }
      backoff.wait();
    }
  }

  /// Bit by bit what any member has set.
  FirstWords exchange(FirstWords words) const {
    MPI_Request request = MPI_REQUEST_NULL;
    check_mpi(MPI_Iallreduce(MPI_IN_PLACE, words.data(), static_cast<int>(words.size()), MPI_UINT64_T, MPI_BOR, comm,
                             &request),
              "MPI_Iallreduce");
    wait(request);
    return words;
  }

  /// From the leader to the others.
  void broadcast(void* data, std::size_t bytes) const {
    for (std::size_t done = 0; done < bytes;) {
      const std::size_t part = std::min(kBroadcast, bytes - done);
      MPI_Request request = MPI_REQUEST_NULL;
      check_mpi(MPI_Ibcast(static_cast<std::byte*>(data) + done, static_cast<int>(part), MPI_BYTE, 0, comm, &request),
                "MPI_Ibcast");
      wait(request);
      done += part;
    }
  }
};

RankTeam::RankTeam(int first, int size) : impl_(std::make_unique<Impl>()) {
  MPI_Group world = MPI_GROUP_NULL;
  MPI_Group members = MPI_GROUP_NULL;
  int range[1][3] = {{first, first + size - 1, 1}};
  check_mpi(MPI_Comm_group(MPI_COMM_WORLD, &world), "MPI_Comm_group");
  check_mpi(MPI_Group_range_incl(world, 1, range, &members), "MPI_Group_range_incl");
  check_mpi(MPI_Comm_create_group(MPI_COMM_WORLD, members, 0, &impl_->comm), "MPI_Comm_create_group");
  check_mpi(MPI_Comm_set_errhandler(impl_->comm, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  check_mpi(MPI_Comm_rank(impl_->comm, &impl_->rank), "MPI_Comm_rank");
  check_mpi(MPI_Comm_size(impl_->comm, &impl_->size), "MPI_Comm_size");
  MPI_Group_free(&members);
  MPI_Group_free(&world);
  impl_->first = first;
}

RankTeam::~RankTeam() {
  if (std::uncaught_exceptions() == 0) {  // else the job is aborted
    MPI_Comm_free(&impl_->comm);
  }
}

int RankTeam::rank() const { return impl_->rank; }

int RankTeam::size() const { return impl_->size; }

void RankTeam::set_while_waiting(std::function<void()> call) { impl_->while_waiting = std::move(call); }

std::uint32_t RankTeam::meet(Call call, std::uint64_t size, std::uint32_t bits) {
  if (failure_) {
    throw TeamBroken(failure_->reason);
  }
  const std::uint64_t what = size << 2 | static_cast<std::uint64_t>(call);
  // Where all say the same, no bit is set both in one's word and in another's complement.
  const FirstWords words = impl_->exchange({bits, what, ~what});
  if ((words[0] & kFailed) != 0) {
    share(std::nullopt);
    throw TeamBroken(failure_->reason);
  }
  if ((words[1] & words[2]) != 0) {
    failure_ = {false, "", "the members of a team went different ways: are their machines of different kinds?"};
    throw TeamBroken(failure_->reason);
  }
  return static_cast<std::uint32_t>(words[0]);
}

void RankTeam::share(const std::optional<MemberFailure>& mine) {
  FailureForm form;
  if (mine) {
    form.failed = 1;
    form.unfit = mine->unfit ? 1 : 0;
    copy_text(mine->subject.empty() ? mine->reason : mine->subject + ": " + mine->reason, form.reason);
  }
  std::vector<FailureForm> all(static_cast<std::size_t>(size()));
  constexpr int bytes = sizeof(FailureForm);
  MPI_Request request = MPI_REQUEST_NULL;
  check_mpi(MPI_Iallgather(&form, bytes, MPI_BYTE, all.data(), bytes, MPI_BYTE, impl_->comm, &request), "MPI_Iallgather");
  impl_->wait(request);
  const auto first = std::find_if(all.begin(), all.end(), [](const FailureForm& each) { return each.failed != 0; });
  const auto at = static_cast<int>(first - all.begin());
  failure_ = {first->unfit != 0, "", "rank " + std::to_string(impl_->first + at) + ": " + first->reason.data()};
}

template <typename Number>
void RankTeam::sum_slices(std::span<Number> values) {
  const auto members = static_cast<std::size_t>(size());
  const auto me = static_cast<std::size_t>(rank());
  std::vector<Number> parts;
  std::vector<int> counts(members), places(members), my_counts(members), my_places(members);
  for (std::size_t done = 0; done < values.size(); done += kRound) {
    const std::span<Number> round = values.subspan(done, std::min(kRound, values.size() - done));
    for (std::size_t i = 0; i < members; ++i) {
      places[i] = static_cast<int>(round.size() * i / members);
      counts[i] = static_cast<int>(round.size() * (i + 1) / members) - places[i];
    }
    const auto mine = static_cast<std::size_t>(counts[me]);
    for (std::size_t i = 0; i < members; ++i) {
      my_counts[i] = counts[me];
      my_places[i] = static_cast<int>(i * mine);
    }
    parts.resize(members * mine);
    MPI_Request request = MPI_REQUEST_NULL;
    check_mpi(MPI_Ialltoallv(round.data(), counts.data(), places.data(), type_of<Number>(), parts.data(), my_counts.data(),
                             my_places.data(), type_of<Number>(), impl_->comm, &request),
              "MPI_Ialltoallv");
    impl_->wait(request);
    Number* const slice = round.data() + places[me];
    for (std::size_t k = 0; k < mine; ++k) {
      double sum = 0;
      for (std::size_t i = 0; i < members; ++i) {
        sum += static_cast<double>(parts[i * mine + k]);
      }
      slice[k] = static_cast<Number>(sum);
    }
    check_mpi(MPI_Iallgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, round.data(), counts.data(), places.data(),
                              type_of<Number>(), impl_->comm, &request),
              "MPI_Iallgatherv");
    impl_->wait(request);
  }
}

void RankTeam::sum(std::span<float> values) {
  meet(Call::sum_floats, values.size(), 0);
  sum_slices(values);
}

void RankTeam::sum(std::span<double> values) {
  meet(Call::sum_doubles, values.size(), 0);
  sum_slices(values);
}

std::uint32_t RankTeam::unite(std::uint32_t bits) { return meet(Call::unite, 0, bits); }

void RankTeam::lead(const TeamTrial& trial) {
  std::array<std::int64_t, 2> head = {trial.trial,
                                      trial.checkpoint ? static_cast<std::int64_t>(trial.checkpoint->size()) : -1};
  impl_->broadcast(head.data(), sizeof head);
  if (trial.checkpoint) {
    impl_->broadcast(const_cast<std::byte*>(trial.checkpoint->data()), trial.checkpoint->size());
  }
  failure_.reset();
}

void RankTeam::dismiss() {
  std::array<std::int64_t, 2> head = {-1, -1};
  impl_->broadcast(head.data(), sizeof head);
}

std::optional<TeamTrial> RankTeam::next() {
  std::array<std::int64_t, 2> head{};
  impl_->broadcast(head.data(), sizeof head);
  if (head[0] < 0) {
    return std::nullopt;
  }
  TeamTrial trial{head[0], std::nullopt};
  if (head[1] >= 0) {
    trial.checkpoint.emplace(static_cast<std::size_t>(head[1]));
    impl_->broadcast(trial.checkpoint->data(), trial.checkpoint->size());
  }
  failure_.reset();
  return trial;
}

std::optional<MemberFailure> RankTeam::leave(const std::optional<MemberFailure>& failure) {
  if (failure_) {  // all know
    return failure_;
  }
  if (!failure) {
    try {
      meet(Call::leave, 0, 0);
    } catch (const TeamBroken&) {
      return failure_;
    }
    return std::nullopt;
  }
  impl_->exchange({kFailed, 0, 0});
  share(failure);
  return failure_;
}

}  // namespace edgesweep
