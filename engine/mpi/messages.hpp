#pragma once

#include <cstddef>
#include <span>

#include "engine/schedule/protocol.hpp"
#include "engine/spec/trial_runner.hpp"

// Messages as bytes: one byte for the kind (index in the variant), then the fields in the order of their declaration.
// Numbers as in memory (one build of one program talks to itself); texts and vectors after their length.
namespace edgesweep {

Bytes pack(const WorkerMessage& message);
Bytes pack(const CoordinatorMessage& message);

/// Throw SystemError if the bytes are not exactly one message.
WorkerMessage unpack_worker_message(std::span<const std::byte> bytes);
CoordinatorMessage unpack_coordinator_message(std::span<const std::byte> bytes);

}  // namespace edgesweep
