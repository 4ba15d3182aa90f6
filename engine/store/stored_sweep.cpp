#include "engine/store/stored_sweep.hpp"

#include "engine/base/error.hpp"

namespace edgesweep {

Sweep parse_stored_sweep(const StoreReader& reader, const Catalog& catalog) {
  Sweep sweep = parse_sweep(reader.sweep().dump(), reader.path(), catalog);
  if (sweep.batches != reader.batches() || sweep.points != reader.points() || sweep.seeds != reader.seeds()) {
    throw InputError(reader.path(), "is damaged: its axes are not those of its sweep");
  }
  return sweep;
}

Sweep stored_sweep(const std::string& store, const Catalog& catalog) {
  const StoreReader reader(store);
  Sweep sweep = parse_stored_sweep(reader, catalog);
  if (sweep.digest != reader.digest()) {
    throw InputError(store, "was made by a version of edgesweep that reads sweep files in another way: " +
                                first_difference(sweep.canonical, reader.sweep()));
  }
  if (sweep.columns != reader.columns()) {
    throw InputError(store, "has other columns than its sweep: it was rewritten, or made by another version of edgesweep");
  }
  return sweep;
}

}  // namespace edgesweep
