#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/spec/sweep.hpp"

namespace edgesweep {

/// b<B>-p<point>-s<seed>: what a trial is called in file names and options.
std::string trial_name(const Trial& trial);

/// Every file name that edgesweep uses beside a store, in one place.
struct StorePaths {
  std::string store;  ///< S.h5

  std::string events() const { return store + ".events.jsonl"; }
  /// Beside the file itself where `store` is a symbolic link: one store, one lock.
  std::string lock() const;
  std::string rescued() const { return store + ".rescued"; }
  std::string progress() const { return store + ".progress.json"; }
  std::string checkpoint_directory() const { return store + ".checkpoints"; }
  std::string parameter_directory() const { return store + ".parameters"; }
  /// S.h5.checkpoints/b<B>-p<point>-s<seed>.ckpt
  std::string checkpoint(const Trial& trial) const;
  /// S.h5.parameters/b<B>-p<point>-s<seed>[-r<record>].pt
  std::string parameters(const Trial& trial, std::optional<std::int64_t> record) const;
};

}  // namespace edgesweep
