#include "workers/models/layered_model.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>
#include <functional>
#include <numeric>
#include <stdexcept>
#include <utility>

#include "engine/base/error.hpp"
#include "workers/data/philox.hpp"

namespace edgesweep {
namespace {

/// Standard deviation of an offset at the start, as position embeddings have it, and of linear layers of transformers.
constexpr double transformer_deviation = 0.02;

std::int64_t product(const std::vector<std::int64_t>& sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), std::int64_t{1}, std::multiplies<>());
}

double normal_deviation(const std::string& init, const Layer& layer) {
  const auto in = static_cast<double>(layer.fan_in), out = static_cast<double>(layer.fan_out);
  if (init == "deit") return transformer_deviation;
  if (init == "kaiming") return std::sqrt(2 / in);
  if (init == "kaiming_fan_out") return std::sqrt(2 / out);
  if (init == "lecun") return std::sqrt(1 / in);
  if (init == "xavier") return std::sqrt(2 / (in + out));
  throw std::logic_error("unknown init " + init);
}

/// As PyTorch's layers start.
bool starts_uniform(const std::string& init, Layer::Kind kind) {
  return init == "pytorch" || (init == "kaiming_fan_out" && kind == Layer::Kind::linear) ||
         (init == "deit" && kind == Layer::Kind::convolution);
}

void fill(const at::Tensor& values, const std::function<double()>& draw) {
  float* data = values.data_ptr<float>();
  for (std::int64_t i = 0; i < values.numel(); ++i) data[i] = static_cast<float>(draw());
}

}  // namespace

LayerPass::LayerPass(const std::vector<Layer>& layers, const Norm& norm, std::vector<at::Tensor> parameters,
                     std::vector<LayerUse>* uses)
    : layers_(layers), norm_(norm), parameters_(std::move(parameters)), uses_(uses) {}

at::Tensor LayerPass::parameter(std::int64_t index) const {
  return index < 0 ? at::Tensor() : parameters_[static_cast<std::size_t>(index)];
}

at::Tensor LayerPass::used(LayerIndex layer, const at::Tensor& input, at::Tensor output) {
  if (uses_ != nullptr) uses_->push_back({layer, input, output});
  return output;
}

at::Tensor LayerPass::linear(LayerIndex index, const at::Tensor& x) {
  const Layer& layer = layers_[static_cast<std::size_t>(index)];
  const at::Tensor& w = parameters_[layer.weight];
  multiply_adds_ += static_cast<double>(x.numel()) * static_cast<double>(w.size(0));
  return used(index, x, at::linear(x, w, parameter(layer.bias)));
}

at::Tensor LayerPass::convolution(LayerIndex index, const at::Tensor& x) {
  const Layer& layer = layers_[static_cast<std::size_t>(index)];
  at::Tensor y = at::conv2d(x, parameters_[layer.weight], parameter(layer.bias), layer.stride, layer.padding);
  multiply_adds_ += static_cast<double>(y.numel()) * static_cast<double>(layer.fan_in);
  return used(index, x, std::move(y));
}

at::Tensor LayerPass::norm(LayerIndex index, const at::Tensor& x) {
  if (index == no_layer) return x;
  const Layer& layer = layers_[static_cast<std::size_t>(index)];
  // With recording, scale and shift are an operation of their own: their derivatives need x̂.
  const bool apart = uses_ != nullptr;
  const at::Tensor scale = parameters_[layer.weight], shift = parameter(layer.bias);
  const at::Tensor w = apart ? at::Tensor() : scale, b = apart ? at::Tensor() : shift;
  const bool image = x.dim() == 4;
  at::Tensor y;
  if (norm_.name == "group") {
    y = at::group_norm(x, norm_.groups, w, b, norm_.epsilon, false);
  } else if (norm_.name == "batch") {
    y = at::batch_norm(x, w, b, {}, {}, true, 0, norm_.epsilon, false);
  } else {
    const at::Tensor last = image ? x.permute({0, 2, 3, 1}) : x;
    y = at::layer_norm(last, {last.size(-1)}, w, b, norm_.epsilon, false);
    if (image) y = y.permute({0, 3, 1, 2});
  }
  if (!apart) return y;
  const auto on_channels = [&](const at::Tensor& t) { return image ? t.view({-1, 1, 1}) : t; };
  return used(index, y, y * on_channels(scale) + on_channels(shift));
}

at::Tensor LayerPass::offset(LayerIndex index, const at::Tensor& x) {
  return used(index, x, x + parameters_[layers_[static_cast<std::size_t>(index)].weight]);
}

void read_layered_settings(ObjectReader& reader, Json& canonical, const std::string& default_init) {
  canonical["init"] =
      reader.choice("init", {"kaiming", "kaiming_fan_out", "lecun", "xavier", "pytorch", "deit"}, default_init);
  canonical["init_scale"] = reader.number("init_scale", Range::positive(), 1.0);
  canonical["chunk"] = reader.integer("chunk", 1, 1'000'000'000, 1000);
}

void read_norm(ObjectReader& reader, Json& canonical, const std::vector<std::string>& allowed) {
  canonical["norm"] = reader.choice("norm", allowed, allowed.front());
  if (canonical["norm"] == "group") canonical["groups"] = reader.integer("groups", 1, 4096, 1);
}

LayeredSettings layered_settings(const Json& canonical, std::vector<std::int64_t> input_shape, std::int64_t outputs) {
  LayeredSettings settings;
  settings.input_shape = std::move(input_shape);
  settings.outputs = outputs;
  settings.init = canonical.at("init").get<std::string>();
  settings.init_scale = canonical.at("init_scale").get<double>();
  settings.chunk = canonical.at("chunk").get<std::int64_t>();
  settings.norm.name = canonical.value("norm", std::string("none"));
  settings.norm.groups = canonical.value("groups", std::int64_t{1});
  return settings;
}

void require_images(const std::string& model, const std::vector<std::int64_t>& input_shape) {
  if (input_shape.size() == 3) return;
  throw InputError("experiment.model", model + " takes images (channels, rows, columns), and the data set has inputs of " +
                                           std::to_string(input_shape.size()) + " dimension(s)");
}

LayeredModel::LayeredModel(LayeredSettings settings) : settings_(std::move(settings)) {}

std::size_t LayeredModel::add_parameter(const std::string& name, std::vector<std::int64_t> shape, bool decays) {
  const std::int64_t offset = parameters_.empty() ? 0 : parameters_.back().offset + parameters_.back().count;
  const std::int64_t count = product(shape);
  parameters_.push_back({name, std::move(shape), offset, count, decays});
  return parameters_.size() - 1;
}

LayerIndex LayeredModel::linear(const std::string& name, std::int64_t in, std::int64_t out, bool bias) {
  Layer layer{Layer::Kind::linear, add_parameter(name + ".weight", {out, in}, true)};
  if (bias) layer.bias = static_cast<std::int64_t>(add_parameter(name + ".bias", {out}, false));
  layer.fan_in = in;
  layer.fan_out = out;
  layers_.push_back(layer);
  return static_cast<LayerIndex>(layers_.size()) - 1;
}

LayerIndex LayeredModel::convolution(const std::string& name, std::int64_t in, std::int64_t out, std::int64_t kernel,
                                     std::int64_t stride, std::int64_t padding, bool bias) {
  Layer layer{Layer::Kind::convolution, add_parameter(name + ".weight", {out, in, kernel, kernel}, true)};
  if (bias) layer.bias = static_cast<std::int64_t>(add_parameter(name + ".bias", {out}, false));
  layer.fan_in = in * kernel * kernel;
  layer.fan_out = out * kernel * kernel;
  layer.stride = stride;
  layer.padding = padding;
  layers_.push_back(layer);
  return static_cast<LayerIndex>(layers_.size()) - 1;
}

LayerIndex LayeredModel::norm(const std::string& name, std::int64_t channels, bool zero) {
  if (settings_.norm.name == "none") return no_layer;
  if (channels % settings_.norm.groups != 0) {
    throw InputError("experiment.model.groups", "is " + std::to_string(settings_.norm.groups) +
                                                    ", must divide the channels of every norm, and one has " +
                                                    std::to_string(channels));
  }
  Layer layer{Layer::Kind::norm, add_parameter(name + ".weight", {channels}, false)};
  layer.bias = static_cast<std::int64_t>(add_parameter(name + ".bias", {channels}, false));
  layer.zero = zero;
  layers_.push_back(layer);
  return static_cast<LayerIndex>(layers_.size()) - 1;
}

LayerIndex LayeredModel::offset(const std::string& name, std::vector<std::int64_t> shape) {
  layers_.push_back({Layer::Kind::offset, add_parameter(name, std::move(shape), false)});
  return static_cast<LayerIndex>(layers_.size()) - 1;
}

at::Tensor LayeredModel::initial_parameters(std::uint64_t key) const {
  at::Tensor theta = at::zeros({parameter_count()}, at::kFloat);
  const auto values = [&](std::int64_t index) {
    const Parameter& p = parameters_[static_cast<std::size_t>(index)];
    return theta.narrow(0, p.offset, p.count);
  };
  for (std::size_t l = 0; l < layers_.size(); ++l) {
    const Layer& layer = layers_[l];
    const at::Tensor weight = values(static_cast<std::int64_t>(layer.weight));
    RandomStream stream(key, RandomUse::initial_parameters, l);
    if (layer.kind == Layer::Kind::norm) {
      weight.fill_(layer.zero ? 0 : 1);
    } else if (layer.kind == Layer::Kind::offset) {
      fill(weight, [&] { return transformer_deviation * stream.normal(); });
    } else if (starts_uniform(settings_.init, layer.kind)) {
      const double bound = 1 / std::sqrt(static_cast<double>(layer.fan_in));
      fill(weight, [&] { return settings_.init_scale * bound * (2 * stream.uniform() - 1); });
      if (layer.bias >= 0) fill(values(layer.bias), [&] { return bound * (2 * stream.uniform() - 1); });
    } else {
      const double deviation = settings_.init_scale * normal_deviation(settings_.init, layer);
      fill(weight, [&] { return deviation * stream.normal(); });
    }
  }
  return theta;
}

at::Tensor LayeredModel::run_on(const at::Tensor& theta, const at::Tensor& inputs, std::vector<LayerUse>* uses) const {
  // One split, whose derivative is one concatenation: views by narrow() would each add a vector of θ's size.
  std::vector<std::int64_t> counts;
  for (const Parameter& p : parameters_) counts.push_back(p.count);
  return run_on(theta.split_with_sizes(counts), inputs, uses);
}

at::Tensor LayeredModel::run_on(std::vector<at::Tensor> values, const at::Tensor& inputs, std::vector<LayerUse>* uses) const {
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = values[i].view(parameters_[i].shape);
  LayerPass pass(layers_, settings_.norm, std::move(values), uses);
  std::vector<std::int64_t> shape = settings_.input_shape;
  shape.insert(shape.begin(), inputs.size(0));
  return run(pass, inputs.view(shape));
}

at::Tensor LayeredModel::forward(const at::Tensor& theta, const at::Tensor& inputs) const {
  return run_on(theta, inputs, nullptr);
}

double LayeredModel::forward_flops() const {
  const at::NoGradGuard no_graph;
  std::vector<at::Tensor> values;
  for (const Parameter& p : parameters_) values.push_back(at::zeros(p.shape, at::kFloat));
  LayerPass pass(layers_, settings_.norm, std::move(values), nullptr);
  std::vector<std::int64_t> shape = settings_.input_shape;
  shape.insert(shape.begin(), 1);
  run(pass, at::zeros(shape, at::kFloat));
  return pass.multiply_adds();
}

}  // namespace edgesweep
