#include <sys/stat.h>

#include <array>
#include <fstream>

#include "engine/base/error.hpp"
#include "workers/data/cifar10_file.hpp"

namespace edgesweep {
namespace {

constexpr std::int64_t record_bytes = 1 + cifar10_pixels;

}  // namespace

void check_cifar10_binary(const std::string& path, const std::vector<std::int64_t>& rows) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) {
    throw InputError(path, "is not there; expected a file of the binary version of CIFAR-10 (scripts/fetch-data.sh cifar10 DIR)");
  }
  if (status.st_size % record_bytes != 0) {
    throw InputError(path, "has " + std::to_string(status.st_size) +
                               " bytes; a file of the binary version of CIFAR-10 has a multiple of " + std::to_string(record_bytes));
  }
  if (status.st_size / record_bytes <= rows.back()) {
    throw InputError(path, "holds " + std::to_string(status.st_size / record_bytes) + " images, " +
                               std::to_string(rows.back() + 1) + " are needed");
  }
}

void read_cifar10_binary(const std::string& path, const std::vector<std::int64_t>& rows, const Cifar10Visitor& visit) {
  check_cifar10_binary(path, rows);
  std::ifstream file(path, std::ios::binary);
  std::array<std::uint8_t, record_bytes> record;
  for (const std::int64_t row : rows) {
    if (!file.seekg(row * record_bytes) || !file.read(reinterpret_cast<char*>(record.data()), record_bytes)) {
      throw InputError(path, "record " + std::to_string(row) + " can't be read");
    }
    if (record[0] > 9) {
      throw InputError(path, "record " + std::to_string(row) + " has label " + std::to_string(record[0]) + ", not 0 to 9");
    }
    visit(record[0], std::span(record).subspan(1));
  }
}

}  // namespace edgesweep
