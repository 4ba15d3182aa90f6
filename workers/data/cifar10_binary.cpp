#include <sys/stat.h>

#include <array>
#include <fstream>

#include "engine/base/error.hpp"
#include "workers/data/cifar10_file.hpp"

namespace edgesweep {
namespace {

constexpr std::int64_t record_bytes = 1 + cifar10_pixels;

class Binary final : public Cifar10File {
 public:
  explicit Binary(std::string path) : path_(std::move(path)) {}

  void check(const std::vector<std::int64_t>& rows) const override {
    struct stat status {};
    if (stat(path_.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) {
      throw InputError(path_,
                       "is not there; expected a file of the binary version of CIFAR-10 (scripts/fetch-data.sh cifar10 DIR)");
    }
    if (status.st_size % record_bytes != 0) {
      throw InputError(path_, "has " + std::to_string(status.st_size) +
                                  " bytes; a file of the binary version of CIFAR-10 has a multiple of " +
                                  std::to_string(record_bytes));
    }
    if (status.st_size / record_bytes <= rows.back()) {
      throw InputError(path_, "holds " + std::to_string(status.st_size / record_bytes) + " images, " +
                                  std::to_string(rows.back() + 1) + " are needed");
    }
  }

  void read(const std::vector<std::int64_t>& rows, const Cifar10Visitor& visit) const override {
    check(rows);
    std::ifstream file(path_, std::ios::binary);
    std::array<std::uint8_t, record_bytes> record;
    std::int64_t next = 0;
    for (const std::int64_t row : rows) {
      if (row != next) file.seekg(row * record_bytes);  // a seek drops the buffer
      next = row + 1;
      if (!file.read(reinterpret_cast<char*>(record.data()), record_bytes)) {
        throw InputError(path_, "record " + std::to_string(row) + " can't be read");
      }
      if (record[0] > 9) {
        throw InputError(path_,
                         "record " + std::to_string(row) + " has label " + std::to_string(record[0]) + ", not 0 to 9");
      }
      visit(record[0], std::span(record).subspan(1));
    }
  }

 private:
  std::string path_;
};

}  // namespace

std::unique_ptr<Cifar10File> cifar10_binary(const std::string& directory, const Cifar10Name& name) {
  return std::make_unique<Binary>(directory + "/" + name.stem + ".bin");
}

}  // namespace edgesweep
