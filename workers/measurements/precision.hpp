#pragma once

#include <c10/core/ScalarType.h>

#include <string>

#include "engine/spec/object_reader.hpp"

namespace edgesweep {

/// The setting `precision` of a measurement: "float32" or "float64".
inline std::string read_precision(ObjectReader& reader, const std::string& fallback) {
  return reader.choice("precision", {"float32", "float64"}, fallback);
}

inline c10::ScalarType scalar_type_of(const std::string& precision) {
  return precision == "float64" ? c10::ScalarType::Double : c10::ScalarType::Float;
}

}  // namespace edgesweep
