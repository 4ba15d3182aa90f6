#include <torch/cuda.h>

#include <memory>
#include <string>
#include <utility>

#include "engine/base/error.hpp"
#include "workers/experiment.hpp"
#include "workers/training/trial_loop.hpp"
#include "workers/workers.hpp"

namespace edgesweep {
namespace {

at::Device device_of(const RunnerSettings& settings) {
  if (settings.device == "cpu") return at::kCPU;
  if (settings.device != "auto" && settings.device != "cuda") {
    throw InputError("--device", "\"" + settings.device + "\" is not one of auto, cpu, cuda");
  }
  const auto count = static_cast<int>(torch::cuda::device_count());
  if (count == 0) {
    if (settings.device == "auto") return at::kCPU;
    throw InputError("--device", "cuda: LibTorch sees no CUDA device here");
  }
  return {at::kCUDA, static_cast<at::DeviceIndex>(settings.local_rank % count)};
}

}  // namespace

std::string check_data(const Json& experiment, const DataSource& source) {
  return experiment_family(experiment).check_data(experiment, source);
}

std::unique_ptr<TrialRunner> make_runner(const Sweep& sweep, const RunnerSettings& settings) {
  static SoloTeam solo;
  Team& team = settings.team != nullptr ? *settings.team : solo;
  const at::Device device = device_of(settings);
  auto factory = experiment_family(sweep.experiment).prepare(sweep, settings.data, device, team);
  // On a CPU there is nothing to win, and a trial's bits would depend on the number of places.
  if (settings.trials > 1 && !device.is_cpu()) factory->pack_trials(settings.trials);
  return std::make_unique<TrialLoop>(sweep, std::move(factory), team);
}

}  // namespace edgesweep
