#include "workers/theory/linear_dynamics.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include "engine/base/error.hpp"
#include "workers/data/philox.hpp"
#include "workers/theory/residual_replicas.hpp"
#include "workers/theory/second_moment.hpp"

namespace edgesweep {
namespace {

constexpr const char* moments_part = "moments";
constexpr const char* runs_part = "runs";

class LinearDynamics final : public Dynamics {
 public:
  LinearDynamics(const Json& experiment, const Json& measure, const LinearProblem& problem, LinearConstants& constants,
                 const Trial& trial)
      : trial_(trial), constants_(constants) {
    KernelNormSettings sgd;
    sgd.eta = trial.cell.eta;
    sgd.batch = trial.cell.batch;
    sgd.momentum = experiment.at("optimizer").at("momentum");
    sgd.l2 = experiment.at("optimizer").at("l2");
    if (measure.contains("expected_loss")) moments_.emplace(problem.spectrum, sgd, problem.targets);
    if (measure.contains("loss")) {
      runs_.emplace(problem.ntk, problem.targets, sgd, experiment.at("sampler").get<std::string>(),
                    random_key(trial.key), experiment.at("replicas").get<std::int64_t>());
    }
  }

  void start() override {}  // a new one is at its start

  void restore(const DynamicsState& saved) override {
    const auto take = [&](const char* name, auto& part) {
      const auto found = saved.find(name);
      if ((found != saved.end()) != part.has_value()) throw InputError("checkpoint", "it is of other measurements");
      if (part) part->restore(found->second);
    };
    take(moments_part, moments_);
    take(runs_part, runs_);
  }

  DynamicsState state() const override {
    DynamicsState result;
    if (moments_) result[moments_part] = moments_->state();
    if (runs_) result[runs_part] = runs_->state();
    return result;
  }

  double learning_rate(std::int64_t) const override { return trial_.cell.eta; }

  /// The loss is that of the runs: their expectation alone says nothing of a typical run, and overflows early. Where no runs
  /// are simulated it is the expectation, and 0 where there is neither.
  double advance(std::int64_t step) override {
    const double loss = runs_ ? runs_->loss().mean : moments_ ? moments_->loss() : 0;
    if (runs_) runs_->advance(step);
    if (moments_) moments_->step();
    return loss;
  }

  bool measure(std::int64_t, std::span<double> out) override {
    auto next = out.begin();
    bool finite = true;
    if (runs_) {
      const MeanLoss loss = runs_->loss();
      *next++ = loss.mean;
      *next++ = loss.standard_error;
      finite = std::isfinite(loss.mean);
    }
    if (moments_) *next++ = moments_->loss();
    std::ranges::copy(constants_.at(trial_.cell.batch, trial_.cell.eta), next);
    return finite;
  }

 private:
  const Trial& trial_;
  LinearConstants& constants_;
  std::optional<SecondMoment> moments_;
  std::optional<ResidualReplicas> runs_;
};

LinearProblem on_device(LinearProblem problem, at::Device device) {
  problem.ntk = problem.ntk.to(device);
  problem.targets = problem.targets.to(device);
  problem.spectrum.eigenvectors = problem.spectrum.eigenvectors.to(device);
  return problem;
}

}  // namespace

LinearTraining::LinearTraining(Json experiment, Json measure, LinearProblem problem, at::Device device)
    : experiment_(std::move(experiment)),
      measure_(std::move(measure)),
      problem_(on_device(std::move(problem), device)),
      constants_(problem_.spectrum, experiment_.at("optimizer"), measure_) {}

std::unique_ptr<Dynamics> LinearTraining::make(const Trial& trial) {
  return std::make_unique<LinearDynamics>(experiment_, measure_, problem_, constants_, trial);
}

}  // namespace edgesweep
