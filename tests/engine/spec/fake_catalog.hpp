#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/spec/catalog.hpp"

namespace edgesweep {

/// Knows experiments of one number D and measurements `loss` and `spectrum` (a vector).
class FakeCatalog : public Catalog {
 public:
  Json experiment(ObjectReader reader) const override {
    ObjectReader model = reader.object("model", true);
    Json canonical = {{"train", reader.integer("train", 1, 1000000, 100)},
                      {"model",
                       {{"activation", model.choice("activation", {"erf", "tanh"}, "erf")},
                        {"init_scale", model.number("init_scale", Range::positive(), 1.0)}}}};
    model.finish();
    reader.finish();
    return canonical;
  }

  std::int64_t train_examples(const Json& experiment) const override { return experiment.at("train"); }

  Json measure(ObjectReader reader, const Json&) const override {
    Json canonical = Json::object();
    if (reader.has("loss")) {
      reader.object("loss").finish();
      canonical["loss"] = Json::object();
    }
    if (reader.has("spectrum")) {
      ObjectReader spectrum = reader.object("spectrum");
      canonical["spectrum"] = {{"top", spectrum.integer("top", 1, 1000, 3)}};
      spectrum.finish();
    }
    reader.finish();
    return canonical;
  }

  std::vector<Column> columns(const Json&, const Json& measure) const override {
    std::vector<Column> columns;
    if (measure.contains("loss")) {
      columns.push_back({"train_loss", "1", "training loss"});
    }
    if (measure.contains("spectrum")) {
      columns.push_back({"spectrum", "1", "eigenvalues", measure["spectrum"]["top"], "eigenvalue"});
    }
    return columns;
  }

  PredictedCost predicted_cost(const Json&, const Json&, std::int64_t) const override { return {1, 1}; }

  bool shares_work(const Json&) const override { return true; }
  bool has_parameters(const Json&) const override { return true; }
};

/// The message of the `Exception` that `body` throws.
template <typename Exception = InputError, typename Body>
std::string message_of(Body body) {
  try {
    body();
  } catch (const Exception& error) {
    return error.what();
  }
  return "nothing was thrown";
}

}  // namespace edgesweep
