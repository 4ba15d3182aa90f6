#include <algorithm>
#include <limits>
#include <memory>

#include "workers/data/dataset.hpp"
#include "workers/data/sampler.hpp"
#include "workers/measurements/measurement.hpp"
#include "workers/models/model.hpp"
#include "workers/training/schedule.hpp"
#include "workers/workers.hpp"

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

Json canonical_optimizer(ObjectReader reader) {
  const Range momentum{.low = 0, .high = 1, .high_open = true};
  const Json canonical = {{"momentum", reader.number("momentum", momentum, 0.0)},
                          {"l2", reader.number("l2", Range::not_negative(), 0.0)}};
  reader.finish();
  return canonical;
}

double forward_flops(const Json& experiment) {
  const Json& dataset = experiment.at("dataset");
  const Json& model = experiment.at("model");
  const DatasetFamily& family = dataset_family(name_of(dataset));
  return model_family(name_of(model)).make(model, family.features(dataset), family.outputs(dataset))->forward_flops();
}

/// Combines the registries of data sets, models and measurements.
class RegistryCatalog final : public Catalog {
 public:
  Json experiment(ObjectReader reader) const override {
    Json canonical;
    canonical["dataset"] = canonical_dataset(reader.object("dataset"));
    canonical["model"] = canonical_model(reader.object("model"));
    canonical["loss"] = reader.choice("loss", {"mse"}, "mse");
    canonical["optimizer"] = canonical_optimizer(reader.object("optimizer", true));
    canonical["schedule"] = canonical_schedule(reader.object("schedule", true));
    canonical["sampler"] = reader.choice("sampler", sampler_names(), "epoch");
    reader.finish();
    return canonical;
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
    return canonical;
  }

  std::vector<Column> columns(const Json& measure) const override {
    std::vector<Column> result;
    for (const std::string& name : measurement_names()) {
      if (!measure.contains(name)) continue;
      for (Column& column : measurement_family(name).columns(measure.at(name))) result.push_back(std::move(column));
    }
    return result;
  }

  // Multiply–adds and bytes of a fully connected net at what one core does (docs/performance.md): three products of the
  // forward pass's size, the parameters read and written once, a fixed cost of a step.
  PredictedCost predicted_cost(const Json& experiment, const Json& measure, std::int64_t batch) const override {
    constexpr double seconds_per_step = 3e-6;
    constexpr double seconds_per_parameter = 1.2e-10;
    constexpr double seconds_per_multiply_add = 2.0 / 1e11;
    const double flops = forward_flops(experiment);
    const Json& dataset = experiment.at("dataset");
    const DatasetFamily& family = dataset_family(name_of(dataset));
    PredictedCost cost;
    cost.seconds_per_step = seconds_per_step + seconds_per_parameter * flops +
                            3.0 * seconds_per_multiply_add * flops * static_cast<double>(batch);
    for (const auto& [name, settings] : measure.items()) {
      cost.seconds_per_record += measurement_family(name).predicted_seconds(settings, family.train_count(dataset),
                                                                            family.outputs(dataset), flops);
    }
    return cost;
  }
};

}  // namespace

std::unique_ptr<Catalog> make_catalog() { return std::make_unique<RegistryCatalog>(); }

}  // namespace edgesweep
