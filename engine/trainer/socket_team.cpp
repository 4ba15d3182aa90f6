#include "engine/trainer/socket_team.hpp"

#include <algorithm>
#include <utility>

#include "engine/base/error.hpp"
#include "engine/trainer/child_process.hpp"

namespace edgesweep {

SocketTeam::SocketTeam(std::int64_t rank, std::int64_t size, Ask ask)
    : rank_(static_cast<int>(rank)), size_(static_cast<int>(size)), ask_(std::move(ask)) {
  if (size_ > 1) {
    buffer_.emplace(kChildBuffer);
  }
}

template <typename Number>
void SocketTeam::sum_parts(std::span<Number> values, TeamCall::Kind kind) {
  if (size_ == 1) {
    return;
  }
  constexpr std::size_t most = SharedBuffer::kBytes / sizeof(Number);
  while (!values.empty()) {
    const std::span<Number> part = values.first(std::min(most, values.size()));
    const std::span<Number> shared = buffer_->numbers<Number>(part.size());
    std::copy(part.begin(), part.end(), shared.begin());
    ask_({kind, part.size(), 0});
    std::copy(shared.begin(), shared.end(), part.begin());
    values = values.subspan(part.size());
  }
}

void SocketTeam::sum(std::span<float> values) { sum_parts(values, TeamCall::Kind::sum_floats); }

void SocketTeam::sum(std::span<double> values) { sum_parts(values, TeamCall::Kind::sum_doubles); }

std::uint32_t SocketTeam::unite(std::uint32_t bits) {
  return size_ == 1 ? bits : ask_({TeamCall::Kind::unite, 0, bits}).bits;
}

TeamAnswer make_call(Team& team, const TeamCall& call, const SharedBuffer& buffer) {
  const std::size_t bytes = call.kind == TeamCall::Kind::sum_doubles ? sizeof(double) : sizeof(float);
  if (call.count > SharedBuffer::kBytes / bytes) {
    throw SystemError("trainer process", "asks for a sum of more numbers than its buffer holds");
  }
  switch (call.kind) {
    case TeamCall::Kind::sum_floats: team.sum(buffer.numbers<float>(call.count)); return {};
    case TeamCall::Kind::sum_doubles: team.sum(buffer.numbers<double>(call.count)); return {};
    case TeamCall::Kind::unite: return {team.unite(call.bits)};
  }
  throw SystemError("trainer process", "makes an unknown call to its team");
}

}  // namespace edgesweep
