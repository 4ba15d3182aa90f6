#include "analysis/stability_measures.hpp"

#include "analysis/plot_style.hpp"

namespace edgesweep {

bool is_linear_model(const SweepData& data) {
  return data.has("T_lambda_max") || data.has("expected_loss");
}

std::vector<StabilityMeasure> stability_measures(const PhaseSummary& phase) {
  const auto measure = [](const char* quantity, const char* label, const char* exact, std::size_t colour,
                          const char* line, bool is_radius = false) {
    const std::string name = series_colour(colour);
    return StabilityMeasure{quantity, label,    exact, std::string(line) + " lc rgb '" + name + "'",
                            name,     is_radius};
  };
  std::vector<StabilityMeasure> measures{
      measure("T_lambda_max_initial", "λ_{max}(T)", "eta_star_T", 0, "lw 3", true),
      measure("A_plus_N_lambda_max_initial", "λ_{max}(A+N)", "eta_star_A_plus_N", 7, "lw 2.5", true),
      measure("K_full_initial", "K_{full}", "eta_star_K_full", 2, "lw 2.5"),
      measure("K_initial", "K", "eta_star_K", 1, "lw 2.5"),
      measure("K_hd_initial", "K_{hd}", "eta_star_K_hd", 3, "lw 2.5"),
      measure("K_block_initial", "K_{block}", "", 6, "lw 2 dt (4,3)"),
      measure("K_tr_initial", "K_{tr}", "eta_star_K_tr", 5, "lw 2.5")};
  std::erase_if(measures, [&](const StabilityMeasure& each) { return !phase.has(each.quantity); });
  return measures;
}

}  // namespace edgesweep
