#pragma once

#include <cstddef>
#include <span>

#include "engine/schedule/protocol.hpp"
#include "engine/spec/trial_runner.hpp"

// Messages as bytes (engine/base/packing.hpp).
namespace edgesweep {

Bytes pack(const WorkerMessage& message);
Bytes pack(const CoordinatorMessage& message);

/// Throw SystemError if the bytes are not exactly one message.
WorkerMessage unpack_worker_message(std::span<const std::byte> bytes);
CoordinatorMessage unpack_coordinator_message(std::span<const std::byte> bytes);

}  // namespace edgesweep
