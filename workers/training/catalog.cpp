#include <memory>
#include <string>

#include "workers/experiment.hpp"
#include "workers/workers.hpp"

namespace edgesweep {
namespace {

/// Hands every question to the experiment's family. A network's canonical form has no `name`.
class RegistryCatalog final : public Catalog {
 public:
  Json experiment(ObjectReader reader) const override {
    const std::string name = reader.choice("name", experiment_names(), default_experiment);
    Json canonical = experiment_family(name).canonical(reader);
    if (name != default_experiment) canonical["name"] = name;
    return canonical;
  }

  std::int64_t train_examples(const Json& experiment) const override {
    return experiment_family(experiment).train_examples(experiment);
  }

  std::string full_batch_reason(const Json& experiment) const override {
    return experiment_family(experiment).full_batch_reason(experiment);
  }

  Json measure(ObjectReader reader, const Json& experiment) const override {
    return experiment_family(experiment).measure(std::move(reader), experiment);
  }

  std::vector<Column> columns(const Json& experiment, const Json& measure) const override {
    return experiment_family(experiment).columns(experiment, measure);
  }

  PredictedCost predicted_cost(const Json& experiment, const Json& measure, std::int64_t batch) const override {
    return experiment_family(experiment).predicted_cost(experiment, measure, batch);
  }

  bool shares_work(const Json& experiment) const override { return experiment_family(experiment).shares_work(); }

  bool has_parameters(const Json& experiment) const override {
    return experiment_family(experiment).has_parameters();
  }
};

}  // namespace

std::unique_ptr<Catalog> make_catalog() { return std::make_unique<RegistryCatalog>(); }

}  // namespace edgesweep
