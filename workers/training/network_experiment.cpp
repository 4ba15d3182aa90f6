#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "workers/data/dataset.hpp"
#include "workers/data/sampler.hpp"
#include "workers/experiment.hpp"
#include "workers/measurements/measurement.hpp"
#include "workers/models/model.hpp"
#include "workers/models/team_model.hpp"
#include "workers/training/changes.hpp"
#include "workers/training/fork.hpp"
#include "workers/training/gradient_flow.hpp"
#include "workers/training/network_training.hpp"
#include "workers/training/optimizer.hpp"
#include "workers/training/schedule.hpp"

namespace edgesweep {
namespace {

const std::string& name_of(const Json& part) { return part.at("name").get_ref<const std::string&>(); }

Json canonical_dataset(ObjectReader reader) {
  const std::string name = reader.choice("name", dataset_names());
  Json canonical = dataset_family(name).canonical(std::move(reader));
  canonical["name"] = name;
  return canonical;
}

Json canonical_model(ObjectReader reader) {
  const std::string name = reader.choice("name", model_names());
  Json canonical = model_family(name).canonical(std::move(reader));
  canonical["name"] = name;
  return canonical;
}

/// cross_entropy wants one-hot targets, logistic ±1; squared losses take any.
std::string canonical_loss(ObjectReader& reader, const Json& dataset) {
  const std::string name = reader.choice("loss", loss_names(), "mse");
  const std::int64_t outputs = dataset_family(name_of(dataset)).outputs(dataset);
  if ((name == "cross_entropy" && outputs < 2) || (name == "logistic" && outputs > 1)) {
    reader.fail("loss", "is " + name + ", and the data set's target has " + std::to_string(outputs) +
                            " output(s): cross_entropy takes one-hot targets, logistic a single one of +1 and -1");
  }
  return name;
}

/// Written only where it is on, as `precision`: sweeps from before there was a choice keep their keys.
void read_label_smoothing(ObjectReader& reader, Json& canonical) {
  const double smoothing = reader.number("label_smoothing", Range{.low = 0, .high = 1, .high_open = true}, 0.0);
  if (smoothing == 0) return;
  if (canonical["loss"] != "cross_entropy") reader.fail("label_smoothing", "is of the loss cross_entropy only");
  canonical["label_smoothing"] = smoothing;
}

void read_precision(ObjectReader& reader, Json& canonical) {
  if (reader.choice("precision", {"float32", "bfloat16"}, "float32") == "float32") return;
  const std::string model = name_of(canonical["model"]);
  if (model == "mlp") reader.fail("precision", "is bfloat16, which the model mlp can't train in: only float32 is allowed");
  canonical["precision"] = "bfloat16";
}

std::unique_ptr<Model> make_model(const Json& experiment) {
  const Json& dataset = experiment.at("dataset");
  const Json& model = experiment.at("model");
  const DatasetFamily& family = dataset_family(name_of(dataset));
  return model_family(name_of(model)).make(model, family.input_shape(dataset), family.outputs(dataset));
}

void move_to(at::Device device, Examples& examples) {
  examples.inputs = examples.inputs.to(device);
  examples.targets = examples.targets.to(device);
  if (examples.labels.defined()) examples.labels = examples.labels.to(device);
}

std::vector<ActiveMeasurement> make_measurements(const Json& measure, const Json& experiment) {
  std::vector<ActiveMeasurement> result;
  for (const std::string& name : measurement_names()) {
    if (!measure.contains(name)) continue;
    const MeasurementFamily& family = measurement_family(name);
    std::int64_t width = 0;
    for (const Column& column : family.columns(measure.at(name), experiment)) width += column.width;
    result.push_back({name, width, family.make(measure.at(name))});
  }
  return result;
}

/// What the gradient of the full loss has no place for.
void check_flow(const ObjectReader& reader, const Json& experiment) {
  if (experiment.contains("precision")) reader.fail("precision", "is bfloat16; gradient_flow is computed in float32 only");
  const Json& dataset = experiment.at("dataset");
  const DatasetFamily& family = dataset_family(name_of(dataset));
  if (family.measured_count(dataset) < family.train_count(dataset)) {
    reader.fail("dataset.measured", "is less than dataset.train; gradient_flow follows the loss of examples in memory: only all of "
                                    "them are allowed");
  }
  if (dataset.contains("augment")) {
    reader.fail("dataset.augment", "is there; gradient_flow follows the loss of the training images as they are");
  }
  if (follows_lambda_max(experiment.at("schedule"))) {
    reader.fail("schedule.name", "is inverse_lambda_max; gradient_flow takes no steps that would have to be stable: "
                                 "only the other schedules are allowed");
  }
  const std::vector<Change> changes = changes_of(experiment);
  for (std::size_t i = 0; i < changes.size(); ++i) {
    if (changes[i].batch) {
      reader.fail("changes[" + std::to_string(i) + "].batch", "is there; gradient_flow has no other batch than all examples");
    }
  }
}

/// SGD of a network on a data set, or the gradient flow in its place: the registries of data sets, models and measurements together.
class NetworkExperiment final : public ExperimentFamily {
 public:
  Json canonical(ObjectReader& reader) const override {
    Json canonical;
    canonical["dataset"] = canonical_dataset(reader.object("dataset"));
    canonical["model"] = canonical_model(reader.object("model"));
    canonical["loss"] = canonical_loss(reader, canonical["dataset"]);
    read_label_smoothing(reader, canonical);
    read_precision(reader, canonical);
    canonical["optimizer"] = canonical_optimizer(reader.object("optimizer", true));
    canonical["schedule"] = canonical_schedule(reader.object("schedule", true));
    canonical["sampler"] = reader.choice("sampler", sampler_names(), "epoch");
    const std::int64_t examples = train_examples(canonical);
    if (reader.has("fork")) canonical["fork"] = canonical_fork(reader.object("fork"), examples);
    if (reader.has("changes")) {
      if (reader.has("fork")) reader.fail("changes", "is there with fork; only one of them is allowed");
      canonical["changes"] = canonical_changes(reader, examples);
    }
    reader.finish();
    if (flow_settings(canonical)) check_flow(reader, canonical);
    return canonical;
  }

  std::string full_batch_reason(const Json& experiment) const override {
    return flow_settings(experiment) ? "gradient_flow follows the gradient of all of them" : "";
  }

  std::int64_t train_examples(const Json& experiment) const override {
    const Json& dataset = experiment.at("dataset");
    return dataset_family(name_of(dataset)).train_count(dataset);
  }

  Json measure(ObjectReader reader, const Json& experiment) const override {
    Json canonical = Json::object();
    for (const std::string& name : measurement_names()) {
      if (reader.has(name)) canonical[name] = measurement_family(name).canonical(reader.object(name), experiment);
    }
    reader.finish();
    std::set<std::string> names;
    for (const Column& column : columns(experiment, canonical)) {
      if (!names.insert(column.name).second) reader.fail("", "has two measurements of " + column.name + ": choose one");
    }
    if (follows_lambda_max(experiment.at("schedule")) && !canonical.contains("hessian")) {
      reader.fail("", "needs hessian: the schedule inverse_lambda_max follows its hessian_lambda_max");
    }
    if (flow_settings(experiment) && !canonical.contains("hessian")) {
      reader.fail("", "needs hessian: gradient_flow takes its time step from its hessian_lambda_max");
    }
    return canonical;
  }

  std::vector<Column> columns(const Json& experiment, const Json& measure) const override {
    std::vector<Column> result;
    for (const std::string& name : measurement_names()) {
      if (!measure.contains(name)) continue;
      for (Column& column : measurement_family(name).columns(measure.at(name), experiment)) result.push_back(std::move(column));
    }
    return result;
  }

  // Multiply–adds and bytes of a fully connected net at what one core does (docs/performance.md): three products of the
  // forward pass's size, the parameters read and written once, a fixed cost of a step.
  PredictedCost predicted_cost(const Json& experiment, const Json& measure, std::int64_t batch) const override {
    constexpr double seconds_per_step = 3e-6;
    constexpr double seconds_per_parameter = 1.2e-10;
    constexpr double seconds_per_multiply_add = 2.0 / 1e11;
    const double flops = make_model(experiment)->forward_flops();
    const Json& dataset = experiment.at("dataset");
    const DatasetFamily& family = dataset_family(name_of(dataset));
    PredictedCost cost;
    cost.seconds_per_step = seconds_per_step + seconds_per_parameter * flops +
                            3.0 * seconds_per_multiply_add * flops * static_cast<double>(batch);
    if (flow_settings(experiment)) cost.seconds_per_step *= 4;  // gradients of a Runge–Kutta step
    for (const auto& [name, settings] : measure.items()) {
      cost.seconds_per_record += measurement_family(name).predicted_seconds(settings, family.measured_count(dataset),
                                                                            family.outputs(dataset), flops);
    }
    return cost;
  }

  bool has_parameters() const override { return true; }

  bool shares_work() const override { return true; }

  std::string check_data(const Json& experiment, const DataSource& source) const override {
    const Json& dataset = experiment.at("dataset");
    return dataset_family(name_of(dataset)).check(dataset, source.directory);
  }

  std::unique_ptr<DynamicsFactory> prepare(const Sweep& sweep, const DataSource& source, at::Device device,
                                           Team& team) const override {
    const Json& dataset = sweep.experiment.at("dataset");
    TrainTest data = dataset_family(name_of(dataset)).load(dataset, source.directory);
    const double smoothing = sweep.experiment.value("label_smoothing", 0.0);
    if (smoothing > 0) data.train.targets = smoothed_targets(data.train.targets, smoothing);
    move_to(device, data.train);
    move_to(device, data.test);
    std::unique_ptr<Model> model = make_model(sweep.experiment);
    if (team.size() > 1) model = std::make_unique<TeamModel>(std::move(model), team);
    return std::make_unique<NetworkTraining>(sweep, std::move(model), std::move(data),
                                             [measure = sweep.measure, experiment = sweep.experiment] {
                                               return make_measurements(measure, experiment);
                                             });
  }
};

const RegisterExperiment registered{default_experiment, std::make_unique<NetworkExperiment>()};

}  // namespace
}  // namespace edgesweep
