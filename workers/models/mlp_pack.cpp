#include "workers/models/mlp_pack.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <utility>

#include "workers/models/check_batch.hpp"

namespace edgesweep {
namespace {

using Clock = std::chrono::steady_clock;

/// Much longer than a step of a small network, much shorter than most records.
constexpr std::chrono::milliseconds kPatience{2};

/// A parameter of each place's flat vector: a view, k × its shape.
at::Tensor part_of(const at::Tensor& vectors, const Parameter& parameter) {
  std::vector<std::int64_t> shape{vectors.size(0)};
  shape.insert(shape.end(), parameter.shape.begin(), parameter.shape.end());
  return vectors.narrow(1, parameter.offset, parameter.count).view(shape);
}

/// The first two dimensions as one.
at::Tensor flat(const at::Tensor& t) { return t.view({t.size(0) * t.size(1), t.size(2)}); }

/// What the steps of all places compute with; k places, B examples each.
class PackedNetwork {
 public:
  PackedNetwork(const Mlp& mlp, std::int64_t places, const Examples& train, const SgdOptions& options, std::int64_t batch_size)
      : activation_(mlp.settings().activation), train_(train), options_(options), batch_size_(batch_size) {
    const auto like = train.inputs.options();
    theta_ = at::zeros({places, mlp.parameter_count()}, like);
    velocity_ = at::zeros_like(theta_);
    gradient_ = at::empty_like(theta_);
    targets_ = at::empty({places, batch_size, mlp.outputs()}, like);
    const bool bias = mlp.settings().bias;
    for (std::int64_t l = 0; l < mlp.layers(); ++l) {
      const auto& parameters = mlp.parameters();
      const std::int64_t in = mlp.settings().sizes[l], out = mlp.settings().sizes[l + 1];
      const auto part = [&](const at::Tensor& vectors, std::int64_t which) {
        return part_of(vectors, parameters[static_cast<std::size_t>(bias ? 2 * l + which : l)]);
      };
      const auto buffer = [&](std::int64_t columns) { return at::empty({places, batch_size, columns}, like); };
      layers_.push_back({part(theta_, 0), part(gradient_, 0), bias ? part(theta_, 1).unsqueeze(1) : at::Tensor(),
                         bias ? part(gradient_, 1) : at::Tensor(), buffer(in), buffer(out), buffer(out), mlp.weight_scale(l)});
    }
  }

  /// k × P.
  const at::Tensor& theta() const { return theta_; }
  const at::Tensor& velocity() const { return velocity_; }
  const Examples& train() const { return train_; }
  const SgdOptions& options() const { return options_; }
  std::int64_t batch_size() const { return batch_size_; }

  /// A step with `rows` ([k·B]) of the training set and learning rates `eta` ([k], float64), both on the CPU. Rows of θ and v are changed of all
  /// places or, if `some` is defined, of those alone (int64). Returns the losses L_B before it, [k], float64, on the CPU.
  at::Tensor step(const at::Tensor& rows, const at::Tensor& eta, const at::Tensor& some) {
    const at::Device device = theta_.device();
    const at::Tensor chosen = rows.to(device);
    at::Tensor inputs = flat(layers_.front().input), targets = flat(targets_);
    at::index_select_out(inputs, train_.inputs, 0, chosen);
    at::index_select_out(targets, train_.targets, 0, chosen);
    forward();
    const at::Tensor outputs = flat(layers_.back().a);
    const at::Tensor losses = example_losses(options_.loss, outputs.to(at::kDouble), targets.to(at::kDouble))
                                  .view({theta_.size(0), batch_size_})
                                  .mean(1);
    // The mean over all places' examples, times k: that over each place's.
    flat(layers_.back().delta)
        .copy_(loss_gradient(options_.loss, outputs, targets).mul_(static_cast<double>(theta_.size(0))));
    backward();
    update(eta.to(theta_.scalar_type()).to(device).unsqueeze(1), some);
    return losses.cpu();
  }

 private:
  /// Views into θ and its gradient, and the buffers of the passes; k × … each.
  struct Layer {
    at::Tensor weight, weight_gradient;  ///< k × out × in
    at::Tensor bias, bias_gradient;      ///< k × 1 × out, k × out
    at::Tensor input;                    ///< h_{l−1}, k × B × in
    at::Tensor a;                        ///< a_l, k × B × out; its derivative after the activation
    at::Tensor delta;                    ///< δ_l, k × B × out
    double scale;
  };

  void forward() {
    for (std::size_t l = 0; l < layers_.size(); ++l) {
      Layer& layer = layers_[l];
      const at::Tensor weight = layer.weight.transpose(1, 2);
      if (layer.bias.defined()) {
        at::baddbmm_out(layer.a, layer.bias, layer.input, weight, 1, layer.scale);
      } else {
        at::bmm_out(layer.a, layer.input, weight);
        if (layer.scale != 1) layer.a.mul_(layer.scale);
      }
      if (l + 1 < layers_.size()) {
        layers_[l + 1].input.copy_(activate(activation_, layer.a));
        layer.a.copy_(activation_derivative(activation_, layer.a));
      }
    }
  }

  void backward() {
    for (std::size_t l = layers_.size(); l-- > 0;) {
      Layer& layer = layers_[l];
      at::bmm_out(layer.weight_gradient, layer.delta.transpose(1, 2), layer.input);
      if (layer.scale != 1) layer.weight_gradient.mul_(layer.scale);
      if (layer.bias_gradient.defined()) at::sum_out(layer.bias_gradient, layer.delta, 1);
      if (l > 0) {
        at::Tensor& below = layers_[l - 1].delta;
        at::bmm_out(below, layer.delta, layer.weight);
        if (layer.scale != 1) below.mul_(layer.scale);
        below.mul_(layers_[l - 1].a);
      }
    }
  }

  /// θ and v; `eta` is k × 1. The rows of others are read by their threads meanwhile: they must not change, not even for a moment.
  void update(const at::Tensor& eta, const at::Tensor& some) {
    const at::Tensor theta = some.defined() ? theta_.clone() : theta_;
    const at::Tensor velocity = some.defined() ? velocity_.clone() : velocity_;
    if (options_.l2 != 0) gradient_.add_(theta, options_.l2);
    if (options_.momentum != 0) velocity.mul_(options_.momentum).add_(gradient_);
    if (options_.nesterov) gradient_.add_(velocity, options_.momentum);
    const bool follows_velocity = options_.momentum != 0 && !options_.nesterov;
    theta.addcmul_(follows_velocity ? velocity : gradient_, eta, -1);
    if (some.defined()) {
      const at::Tensor rows = some.to(theta_.device());
      theta_.index_copy_(0, rows, theta.index_select(0, rows));
      velocity_.index_copy_(0, rows, velocity.index_select(0, rows));
    }
  }

  Activation activation_;
  Examples train_;
  SgdOptions options_;
  std::int64_t batch_size_;
  at::Tensor theta_, velocity_, gradient_, targets_;
  std::vector<Layer> layers_;
};

}  // namespace

/// Trials that train with the same batch size on the same examples.
class MlpPack::Group {
 public:
  Group(const Mlp& mlp, std::int64_t places, const Examples& train, const SgdOptions& options, std::int64_t batch_size)
      : network_(mlp, places, train, options, batch_size),
        places_(static_cast<std::size_t>(places)),
        rows_(at::zeros({places * batch_size}, at::kLong)),
        eta_(at::zeros({places}, at::kDouble)) {}

  /// Whether a trial with these can join, as long as no other does.
  bool has_place_for(const SgdOptions& options, std::int64_t batch_size) {
    const std::lock_guard lock(mutex_);
    return batch_size == network_.batch_size() && options == network_.options() && free_place() != places_.end();
  }

  /// Gives the trial's place.
  std::int64_t join(at::Tensor& theta, at::Tensor& velocity) {
    const std::lock_guard lock(mutex_);
    const auto free = free_place();
    *free = Place();
    free->taken = true;
    const std::int64_t place = free - places_.begin();
    move_in(theta, network_.theta()[place]);
    move_in(velocity, network_.velocity()[place]);
    return place;
  }

  void leave(std::int64_t index, at::Tensor& theta, at::Tensor& velocity) {
    const std::lock_guard lock(mutex_);
    Place& place = places_[static_cast<std::size_t>(index)];
    place.takes_part = false;
    changed_.notify_all();  // those who waited for it need not any more
    try {
      const at::NoGradGuard no_graph;
      theta.set_(theta.clone());
      velocity.set_(velocity.clone());
      place.taken = false;
    } catch (...) {
      // The device is lost, and with it the trial. The place stays its own: nobody else writes to its row.
    }
  }

  double step(std::int64_t index, std::span<const std::int64_t> batch, double eta) {
    check_batch(batch, network_.batch_size(), network_.train().inputs.size(0));
    std::unique_lock lock(mutex_);
    Place& place = places_[static_cast<std::size_t>(index)];
    std::copy(batch.begin(), batch.end(), rows_.data_ptr<std::int64_t>() + index * network_.batch_size());
    eta_.data_ptr<double>()[index] = eta;
    place.asks = place.takes_part = true;
    changed_.notify_all();
    const Clock::time_point deadline = Clock::now() + kPatience;
    while (place.asks) {
      if (all_ask()) {
        take_step();
      } else if (changed_.wait_until(lock, deadline) == std::cv_status::timeout) {
        for (Place& other : places_) other.takes_part = other.asks;
      }
    }
    if (place.failure) std::rethrow_exception(std::exchange(place.failure, nullptr));
    return place.loss;
  }

 private:
  struct Place {
    bool taken = false;
    bool takes_part = false;  ///< it took the last step, or asks for the next
    bool asks = false;
    double loss = 0;
    std::exception_ptr failure = {};
  };

  std::vector<Place>::iterator free_place() {
    return std::find_if(places_.begin(), places_.end(), [](const Place& place) { return !place.taken; });
  }

  static void move_in(at::Tensor& values, at::Tensor row) {
    const at::NoGradGuard no_graph;
    row.copy_(values);
    values.set_(row);
  }

  bool all_ask() const {
    return std::all_of(places_.begin(), places_.end(), [](const Place& place) { return place.asks || !place.takes_part; });
  }

  /// Of all who ask; what it throws, it throws for each of them.
  void take_step() {
    std::vector<std::int64_t> asking;
    bool others = false;  // whose values have to stay; those of free places need not
    for (std::size_t i = 0; i < places_.size(); ++i) {
      if (places_[i].asks) asking.push_back(static_cast<std::int64_t>(i));
      others = others || (places_[i].taken && !places_[i].asks);
    }
    std::exception_ptr failure;
    at::Tensor losses;
    try {
      const at::NoGradGuard no_graph;
      losses = network_.step(rows_, eta_, others ? at::tensor(asking, at::kLong) : at::Tensor());
    } catch (...) {
      failure = std::current_exception();
    }
    for (std::size_t i = 0; i < places_.size(); ++i) {
      if (!std::exchange(places_[i].asks, false)) continue;
      places_[i].failure = failure;
      if (!failure) places_[i].loss = losses.data_ptr<double>()[i];
    }
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  PackedNetwork network_;
  std::vector<Place> places_;
  at::Tensor rows_, eta_;
};

/// A trial's stepper: its place.
class MlpPack::Member final : public SgdStepper {
 public:
  Member(std::shared_ptr<Group> group, std::int64_t place, at::Tensor theta, at::Tensor velocity)
      : group_(std::move(group)), place_(place), theta_(std::move(theta)), velocity_(std::move(velocity)) {}
  Member(const Member&) = delete;
  Member& operator=(const Member&) = delete;
  ~Member() override { group_->leave(place_, theta_, velocity_); }

  double step(std::span<const std::int64_t> batch, double eta) override { return group_->step(place_, batch, eta); }

 private:
  std::shared_ptr<Group> group_;
  std::int64_t place_;
  at::Tensor theta_, velocity_;
};

MlpPack::MlpPack(Mlp mlp, std::int64_t places, Examples train) : mlp_(std::move(mlp)), places_(places), train_(std::move(train)) {}

bool MlpPack::trains_on(const Examples& examples) const {
  return examples.inputs.is_same(train_.inputs) && examples.targets.is_same(train_.targets);
}

std::unique_ptr<SgdStepper> MlpPack::stepper(at::Tensor theta, at::Tensor velocity, const SgdOptions& options,
                                             std::int64_t batch_size) {
  const std::lock_guard lock(mutex_);
  std::erase_if(groups_, [](const std::weak_ptr<Group>& known) { return known.expired(); });
  std::shared_ptr<Group> group;
  for (const std::weak_ptr<Group>& known : groups_) {
    group = known.lock();
    if (group && group->has_place_for(options, batch_size)) break;
    group.reset();
  }
  if (!group) {
    group = std::make_shared<Group>(mlp_, places_, train_, options, batch_size);
    groups_.push_back(group);
  }
  const std::int64_t place = group->join(theta, velocity);
  return std::make_unique<Member>(std::move(group), place, std::move(theta), std::move(velocity));
}

}  // namespace edgesweep
