#include "engine/cli/versions.hpp"

#include "engine/mpi/session.hpp"
#include "engine/store/hdf5.hpp"
#include "workers/workers.hpp"

namespace edgesweep {

Json dependency_versions() {
  return {{"edgesweep", EDGESWEEP_VERSION},
          {"libtorch", compute_info(false).at("libtorch")},
          {"hdf5", hdf5::library_version()},
          {"mpi", mpi_library_version()},
          {"compiler", __VERSION__}};
}

std::string version_line() {
  const Json versions = dependency_versions();
  return "edgesweep " + versions.at("edgesweep").get<std::string>() + " (LibTorch " +
         versions.at("libtorch").get<std::string>() + ", HDF5 " + versions.at("hdf5").get<std::string>() + ", " +
         versions.at("mpi").get<std::string>() + ")";
}

}  // namespace edgesweep
