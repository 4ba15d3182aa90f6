#include "engine/cli/data_source.hpp"

#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "engine/store/matrix_file.hpp"

namespace edgesweep {
namespace {

std::string data_directory(const std::string& option) {
  if (!option.empty()) {
    return option;
  }
  if (const char* from_environment = std::getenv("EDGESWEEP_DATA");
      from_environment != nullptr && *from_environment != '\0') {
    return from_environment;
  }
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::filesystem::path installed = program.parent_path().parent_path() / "share" / "edgesweep" / "data";
  if (!error && std::filesystem::is_directory(installed, error)) {
    return installed.string();
  }
  return EDGESWEEP_SOURCE_DATA;
}

}  // namespace

DataSource data_source(const std::string& option) { return {data_directory(option), read_knorm_matrix}; }

KnormMatrix read_knorm_matrix(const std::string& path) {
  MatrixFile file = read_matrix_file(path);
  return {file.is_jacobian, file.rows, file.columns, std::move(file.values), file.outputs};
}

}  // namespace edgesweep
