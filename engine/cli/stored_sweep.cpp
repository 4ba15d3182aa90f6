#include "engine/cli/stored_sweep.hpp"

#include "engine/base/error.hpp"
#include "engine/store/store_reader.hpp"

namespace edgesweep {

Sweep stored_sweep(const std::string& store, const Catalog& catalog) {
  const StoreReader reader(store);
  Sweep sweep = parse_sweep(reader.sweep().dump(), store, catalog);
  if (sweep.digest != reader.digest()) {
    throw InputError(store, "was made by a version of edgesweep that reads sweep files in another way: " +
                                first_difference(sweep.canonical, reader.sweep()));
  }
  return sweep;
}

}  // namespace edgesweep
