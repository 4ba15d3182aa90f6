#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/json.hpp"
#include "engine/spec/catalog.hpp"
#include "engine/spec/team.hpp"
#include "engine/spec/trial_runner.hpp"
#include "workers/linalg/knorm.hpp"

// What the program sees of the workers: no LibTorch header is needed to use this one.
namespace edgesweep {

/// What can be trained and measured (see engine/spec/catalog.hpp).
std::unique_ptr<Catalog> make_catalog();

/// Where data comes from.
struct DataSource {
  std::string directory;
  /// Reads a matrix from an HDF5 file, which the workers themselves do not know. Throws InputError.
  std::function<KnormMatrix(const std::string& path)> read_matrix = {};
};

struct RunnerSettings {
  DataSource data = {};
  std::string device = "auto";  ///< auto, cpu, cuda
  int local_rank = 0;           ///< picks the GPU on a machine with several
  Team* team = nullptr;         ///< that trains trials together, and outlives the runner; null: this process alone
  std::int64_t trials = 1;      ///< threads that will run trials at a time
};

/// Checks, without loading it, that the experiment's data is there. Returns what tells it from other data with which a sweep
/// must not go on, in words; empty if there is nothing to tell. Throws InputError.
std::string check_data(const Json& experiment, const DataSource& source);

/// A runner on this process's device, for any number of threads at a time; loads the data set. Throws InputError.
std::unique_ptr<TrialRunner> make_runner(const Sweep& sweep, const RunnerSettings& settings);

/// For the calling thread, before it computes: one thread for LibTorch and BLAS unless OMP_NUM_THREADS says otherwise, and
/// subnormal numbers count as zero where the processor can do that: on some a trial that converges, whose gradients
/// become that small, would train many times slower. On GPUs: float32 without TF32, and algorithms with the same bits in every run.
void set_up_computing();

/// What `edgesweep data pack` packs images with: see workers/data/image_pack.hpp.
struct PackRequest {
  std::string folder;     ///< of a split: folders of classes
  std::string path;       ///< of the pack
  std::int64_t side = 0;  ///< larger images are made smaller, to this shorter side; 0: none
  int quality = 95;
  int threads = 0;        ///< 0: this process's share of the processors
};
/// {"images", "broken", "bytes"} of a pack that was made. Throws InputError, SystemError.
Json pack_images(const PackRequest& request);

/// An image as training and measurements see it, before it is standardised: a picture file (PPM).
struct ShowRequest {
  std::string directory;
  std::string split;
  std::int64_t image = 0;    ///< in the order of the data set
  std::int64_t size = 224;   ///< pixels a side
  std::int64_t resize = 256;
  std::vector<double> box;   ///< left, top, width, height in place of the centre; or empty
};
/// Throws InputError.
std::string show_image(const ShowRequest& request);

/// {"libtorch": …, "blas": {"name", "library", "threads", "gflops_float32", "gflops_float64", "is_reference"}, "devices": [{"name", …}]}.
/// GFLOP/s are measured (about a tenth of a second each) if `measure` is set.
Json compute_info(bool measure);

}  // namespace edgesweep
