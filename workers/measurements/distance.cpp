#include <ATen/ATen.h>

#include "workers/measurements/measurement.hpp"

namespace edgesweep {
namespace {

constexpr const char* kInitial = "initial";

double norm_of(const at::Tensor& v) { return v.to(at::kDouble).norm().item<double>(); }

/// Norms of the full gradient, of θ and of the way from θ at the first record, which is before the first step.
class Distance final : public Measurement {
 public:
  void measure(const MeasurementContext& context, std::span<double> out) override {
    if (!initial_.defined()) initial_ = context.theta.clone();
    const Examples& train = context.data.train;
    out[0] = norm_of(context.model.gradient(context.theta, train.inputs, train.targets, context.optimizer.loss));
    out[1] = norm_of(context.theta);
    out[2] = norm_of(context.theta - initial_.to(context.theta.device()));
  }

  MeasurementState state() const override {
    return initial_.defined() ? MeasurementState{{kInitial, initial_}} : MeasurementState{};
  }

  void restore(const MeasurementState& state) override {
    const auto initial = state.find(kInitial);
    initial_ = initial == state.end() ? at::Tensor() : initial->second;
  }

 private:
  at::Tensor initial_;
};

class DistanceFamily final : public MeasurementFamily {
 public:
  Json canonical(ObjectReader reader, const Json&) const override {
    reader.finish();
    return Json::object();
  }

  std::vector<Column> columns(const Json&, const Json&) const override {
    return {{"grad_norm", "1", "norm of the gradient of the training loss"},
            {"param_norm", "1", "norm of the parameters"},
            {"param_distance", "1", "norm of the parameters' difference from those before the first step"}};
  }

  std::unique_ptr<Measurement> make(const Json&) const override { return std::make_unique<Distance>(); }

  double predicted_seconds(const Json&, std::int64_t examples, std::int64_t, double forward_flops) const override {
    return 6 * forward_flops * static_cast<double>(examples) / 100e9;
  }
};

const RegisterMeasurement registered{"distance", std::make_unique<DistanceFamily>()};

}  // namespace
}  // namespace edgesweep
