#include "analysis/plot.hpp"

#include "analysis/boundary.hpp"
#include "analysis/cell_choice.hpp"
#include "analysis/derivative_plot.hpp"
#include "analysis/eigenvalue_plot.hpp"
#include "analysis/error_plot.hpp"
#include "analysis/expected_loss_plot.hpp"
#include "analysis/load.hpp"
#include "analysis/measures_plot.hpp"
#include "analysis/phase.hpp"
#include "analysis/phase_plane.hpp"
#include "analysis/replicas.hpp"
#include "analysis/stability_measures.hpp"
#include "analysis/stability_plot.hpp"
#include "analysis/trajectory_plot.hpp"
#include "engine/base/error.hpp"
#include "engine/base/file.hpp"
#include "engine/base/log.hpp"

namespace edgesweep {
namespace {

void left_out(const std::string& name, const std::string& reason) {
  log_info(name + " left out: " + reason);
}

}  // namespace

std::vector<Picture> draw_sweep(const SweepData& data, std::optional<std::int64_t> batch) {
  const std::string heading = data.title.empty() ? data.name : data.title;
  const PhaseSummary phase = summarise_phase(data);
  const BoundarySummary boundaries = summarise_boundaries(data, phase);
  std::vector<Picture> pictures;
  const std::vector<PhasePlane> planes = phase_planes(phase);
  for (const std::string name : {"phase_loss", "phase_K", "phase_eta_lambda"}) {
    bool measured = false;
    for (const PhasePlane& plane : planes) measured = measured || plane.name == name;
    if (!measured) left_out(name, "the sweep does not measure what it shows");
  }
  for (const PhasePlane& plane : planes) {
    if (auto picture = draw_phase_plane(plane, phase, boundaries, heading)) {
      pictures.push_back(std::move(*picture));
    } else {
      left_out(plane.name,
               "no trial that did not diverge has ended with a positive " + plane.quantity + " yet");
    }
  }
  if (!batch) batch = default_batch(data);
  const auto add = [&pictures](std::optional<Picture> picture, const std::string& name, const char* reason) {
    if (picture) {
      pictures.push_back(std::move(*picture));
    } else {
      left_out(name, reason);
    }
  };
  add(batch ? draw_trajectories(data, *batch, heading) : std::nullopt, "trajectories",
      "no records of train_loss, K or lambda_max yet");
  if (auto picture = draw_error_against_K(data, heading)) pictures.push_back(std::move(*picture));
  const char* const none_ended = "no trial that measured what it shows has ended yet";
  if (is_linear_model(data)) {
    add(batch ? draw_stability(phase, boundaries, *batch, heading) : std::nullopt, "stability", none_ended);
    add(draw_loss_against_measures(data, phase, boundaries, heading), "loss_against_measures", none_ended);
  }
  if (data.has("expected_loss")) {
    add(batch ? draw_expected_loss(data, phase, *batch, heading) : std::nullopt, "linear_trajectories",
        none_ended);
  }
  if (!replica_columns(data, "ntk_eigenvalues").empty()) {
    add(draw_eigenvalue_trajectories(data, heading), "eigenvalue_trajectories", none_ended);
  }
  if (!replica_columns(data, "lambda_hat_d1").empty()) {
    add(draw_discrete_derivatives(data, heading), "discrete_derivatives", none_ended);
  }
  return pictures;
}

void plot_store(const std::string& store, const std::string& directory, std::optional<std::int64_t> batch) {
  const SweepData data = load_sweep_data(StoreReader(store));
  const std::vector<Picture> pictures = draw_sweep(data, batch);
  if (pictures.empty()) throw InputError(store, "has nothing to draw yet");
  make_directory(directory);
  for (const Picture& picture : pictures) write_picture(directory, picture);
  log_info(std::to_string(pictures.size()) + " plots of " + store + " as SVG and PNG in " + directory);
}

}  // namespace edgesweep
