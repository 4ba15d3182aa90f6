#pragma once

#include <functional>
#include <memory>

#include "engine/spec/sweep.hpp"
#include "engine/spec/team.hpp"
#include "engine/spec/trial_runner.hpp"
#include "engine/trainer/frame_socket.hpp"
#include "engine/trainer/messages.hpp"

namespace edgesweep {

/// What a trainer process needs to train. Jobs of several threads may share the runner, if that is for several.
struct TrainerJob {
  Sweep sweep;
  std::shared_ptr<TrialRunner> runner;
};

/// The team outlives the job.
using TrainerFactory = std::function<TrainerJob(const TrainerSetup&, Team&)>;

/// A trainer process: sets itself up by `make` and trains one trial after another as the rank at the other end of the
/// socket orders, until that closes it. What `make` throws is reported, and ends it; what a trial throws is reported, and
/// it goes on.
void serve_trainer(FrameSocket socket, const TrainerFactory& make);

/// How often a running trial looks for orders.
inline constexpr double kOrderPollSeconds = 0.02;

}  // namespace edgesweep
