#include "workers/models/mlp.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>
#include <functional>
#include <numeric>

#include "engine/base/error.hpp"
#include "workers/data/philox.hpp"
#include "workers/models/chunks.hpp"
#include "workers/models/mlp_pack.hpp"
#include "workers/models/mlp_pass.hpp"
#include "workers/models/mlp_stepper.hpp"

namespace edgesweep {
namespace {

const std::vector<std::string> init_names{"lecun", "kaiming", "xavier", "ntk", "pytorch"};

/// Of a weight at the start, before init_scale: its standard deviation, or with pytorch the bound of its uniform distribution.
double initial_size(const std::string& init, double fan_in, double fan_out) {
  if (init == "lecun") return std::sqrt(1 / fan_in);
  if (init == "kaiming") return std::sqrt(2 / fan_in);
  if (init == "xavier") return std::sqrt(2 / (fan_in + fan_out));
  if (init == "ntk") return 1;
  if (init == "pytorch") return std::sqrt(1 / fan_in);
  throw InputError("init", "found \"" + init + "\"; allowed are lecun, kaiming, xavier, ntk, pytorch");
}

class MlpFamily final : public ModelFamily {
 public:
  Json canonical(ObjectReader reader) const override {
    Json result;
    result["name"] = reader.choice("name", {"mlp"});
    const auto hidden = reader.integers("hidden", 1, 1'000'000);
    result["hidden"] = hidden;
    // Without hidden layers the activation does nothing, and need not be named.
    result["activation"] = hidden.empty() ? reader.choice("activation", activation_names(), "linear")
                                          : reader.choice("activation", activation_names());
    result["init"] = reader.choice("init", init_names, "lecun");
    result["init_scale"] = reader.number("init_scale", Range::positive(), 1.0);
    result["bias"] = reader.boolean("bias", true);
    // Only where it is given: sweeps from before there was a choice keep their keys.
    if (reader.has("chunk")) result["chunk"] = reader.integer("chunk", 1, 1'000'000'000);
    reader.finish();
    return result;
  }

  std::unique_ptr<Model> make(const Json& canonical, const std::vector<std::int64_t>& input_shape,
                              std::int64_t outputs) const override {
    Mlp::Settings settings;
    settings.sizes.push_back(std::accumulate(input_shape.begin(), input_shape.end(), std::int64_t{1}, std::multiplies<>()));
    for (const auto& width : canonical.at("hidden")) settings.sizes.push_back(width.get<std::int64_t>());
    settings.sizes.push_back(outputs);
    settings.activation = activation_named(canonical.at("activation").get<std::string>());
    settings.init = canonical.at("init").get<std::string>();
    settings.init_scale = canonical.at("init_scale").get<double>();
    settings.bias = canonical.at("bias").get<bool>();
    settings.chunk = canonical.value("chunk", settings.chunk);
    return std::make_unique<Mlp>(std::move(settings));
  }
};

const RegisterModel registered{"mlp", std::make_unique<MlpFamily>()};

}  // namespace

Mlp::Mlp(Settings settings) : settings_(std::move(settings)) {
  if (settings_.sizes.size() < 2)
    throw InputError("mlp", "needs at least the sizes of its input and its output");
  for (const std::int64_t size : settings_.sizes) {
    if (size < 1)
      throw InputError("mlp", "found a layer of size " + std::to_string(size) + "; sizes are at least 1");
  }
  std::int64_t offset = 0;
  const auto add = [&](std::string name, std::vector<std::int64_t> shape, std::int64_t count) {
    const bool is_weight = shape.size() > 1;
    parameters_.push_back({std::move(name), std::move(shape), offset, count, is_weight});
    offset += count;
  };
  for (std::int64_t l = 0; l < layers(); ++l) {
    const std::int64_t in = settings_.sizes[l], out = settings_.sizes[l + 1];
    const std::string prefix = "layers." + std::to_string(l);
    add(prefix + ".weight", {out, in}, out * in);
    if (settings_.bias) add(prefix + ".bias", {out}, out);
  }
}

double Mlp::weight_scale(std::int64_t layer) const {
  return settings_.init == "ntk" ? 1 / std::sqrt(static_cast<double>(settings_.sizes[layer])) : 1;
}

at::Tensor Mlp::weight(const at::Tensor& theta, std::int64_t layer) const {
  const Parameter& p = parameters_[settings_.bias ? 2 * layer : layer];
  return theta.narrow(0, p.offset, p.count).view(p.shape);
}

at::Tensor Mlp::bias(const at::Tensor& theta, std::int64_t layer) const {
  if (!settings_.bias) return {};
  const Parameter& p = parameters_[2 * layer + 1];
  return theta.narrow(0, p.offset, p.count);
}

at::Tensor Mlp::initial_parameters(std::uint64_t key) const {
  at::Tensor theta = at::zeros({parameter_count()}, at::kFloat);
  for (std::int64_t l = 0; l < layers(); ++l) {
    const double in = static_cast<double>(settings_.sizes[l]),
                 out = static_cast<double>(settings_.sizes[l + 1]);
    const double size = initial_size(settings_.init, in, out);
    const bool uniform = settings_.init == "pytorch";
    RandomStream stream(key, RandomUse::initial_parameters, static_cast<std::uint64_t>(l));
    const auto fill = [&](const at::Tensor& tensor, double scale) {
      float* values = tensor.data_ptr<float>();
      for (std::int64_t i = 0; i < tensor.numel(); ++i) {
        values[i] = static_cast<float>(scale * (uniform ? 2 * stream.uniform() - 1 : stream.normal()));
      }
    };
    fill(weight(theta, l), settings_.init_scale * size);
    if (uniform && settings_.bias) fill(bias(theta, l), size);
  }
  return theta;
}

at::Tensor Mlp::forward(const at::Tensor& theta, const at::Tensor& inputs) const {
  at::Tensor a = apply_layer(*this, theta, 0, inputs);
  for (std::int64_t l = 1; l < layers(); ++l) {
    a = apply_layer(*this, theta, l, activate(settings_.activation, a));
  }
  return a;
}

LossGradient Mlp::loss_and_gradient(const at::Tensor& theta, const at::Tensor& inputs, const at::Tensor& targets,
                                    Loss loss) const {
  const at::NoGradGuard no_graph;
  if (inputs.size(0) > chunk_rows()) {
    LossGradient sum{0, at::zeros_like(theta)};
    for_each_chunk(inputs.size(0), chunk_rows(), [&](std::int64_t first, std::int64_t rows, double share) {
      const LossGradient part =
          loss_and_gradient(theta, inputs.narrow(0, first, rows), targets.narrow(0, first, rows), loss);
      sum.loss += share * part.loss;
      sum.gradient.add_(part.gradient, share);
    });
    return sum;
  }
  const MlpPass pass = forward_pass(*this, theta, inputs);
  at::Tensor result = at::empty_like(theta);
  at::Tensor delta = loss_gradient(loss, pass.outputs, targets);
  for (std::int64_t l = layers() - 1; l >= 0; --l) {
    at::Tensor weight_gradient = weight(result, l);
    at::mm_out(weight_gradient, delta.t(), pass.layer_inputs[l]);
    if (weight_scale(l) != 1) weight_gradient.mul_(weight_scale(l));
    if (settings_.bias) {
      at::Tensor bias_gradient = bias(result, l);
      at::sum_out(bias_gradient, delta, 0);
    }
    if (l > 0) {
      delta = pull_back(*this, theta, l, delta)
                  .mul_(activation_derivative(settings_.activation, pass.preactivations[l - 1]));
    }
  }
  return {loss_value(loss, pass.outputs, targets).item<double>(), result};
}

std::unique_ptr<SgdStepper> Mlp::stepper(at::Tensor theta, at::Tensor velocity, const Examples& train,
                                         const SgdOptions& options, std::int64_t batch_size) const {
  if (options.l2_on_weights) return Model::stepper(std::move(theta), std::move(velocity), train, options, batch_size);
  if (pack_ && pack_->trains_on(train)) return pack_->stepper(std::move(theta), std::move(velocity), options, batch_size);
  const bool fast = theta.is_cpu() && theta.scalar_type() == at::kFloat;
  return (fast ? make_mlp_stepper_cpu : make_mlp_stepper_aten)(*this, std::move(theta), std::move(velocity),
                                                               train, options, batch_size);
}

void Mlp::pack_trials(std::int64_t places, const Examples& train) { pack_ = std::make_shared<MlpPack>(*this, places, train); }

double Mlp::forward_flops() const {
  double count = 0;
  for (std::int64_t l = 0; l < layers(); ++l) {
    count += static_cast<double>(settings_.sizes[l]) * static_cast<double>(settings_.sizes[l + 1]);
  }
  return count;
}

}  // namespace edgesweep
