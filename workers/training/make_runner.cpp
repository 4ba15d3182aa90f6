#include <ATen/ATen.h>
#include <torch/cuda.h>

#include <memory>
#include <string>
#include <utility>

#include "engine/base/error.hpp"
#include "workers/data/dataset.hpp"
#include "workers/measurements/measurement.hpp"
#include "workers/models/model.hpp"
#include "workers/training/training_runner.hpp"
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

void move_to(at::Device device, Examples& examples) {
  examples.inputs = examples.inputs.to(device);
  examples.targets = examples.targets.to(device);
  if (examples.labels.defined()) examples.labels = examples.labels.to(device);
}

std::vector<ActiveMeasurement> make_measurements(const Json& measure) {
  std::vector<ActiveMeasurement> result;
  for (const std::string& name : measurement_names()) {
    if (!measure.contains(name)) continue;
    const MeasurementFamily& family = measurement_family(name);
    std::int64_t width = 0;
    for (const Column& column : family.columns(measure.at(name))) width += column.width;
    result.push_back({name, width, family.make(measure.at(name))});
  }
  return result;
}

}  // namespace

void check_dataset(const Json& experiment, const std::string& data_directory) {
  const Json& dataset = experiment.at("dataset");
  dataset_family(dataset.at("name").get_ref<const std::string&>()).check(dataset, data_directory);
}

std::unique_ptr<TrialRunner> make_runner(const Sweep& sweep, const RunnerSettings& settings) {
  const at::Device device = device_of(settings);
  const Json& dataset = sweep.experiment.at("dataset");
  const Json& model = sweep.experiment.at("model");
  const DatasetFamily& family = dataset_family(dataset.at("name").get_ref<const std::string&>());
  TrainTest data = family.load(dataset, settings.data_directory);
  move_to(device, data.train);
  move_to(device, data.test);
  return std::make_unique<TrainingRunner>(
      sweep, model_family(model.at("name").get_ref<const std::string&>()).make(model, family.features(dataset), family.outputs(dataset)),
      std::move(data), [measure = sweep.measure] { return make_measurements(measure); });
}

}  // namespace edgesweep
