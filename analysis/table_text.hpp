#pragma once

#include <string>

#include "analysis/table.hpp"

namespace edgesweep {

/// The shortest text that reads back as the same double; "NaN", "inf", "-inf" as pandas and NumPy read them.
std::string number_text(double value);

/// RFC 4180 with a header line; lines end in CR LF.
std::string csv_text(const Table& table);

/// {"table": name, "columns": [names], "rows": [[values], …]}; NaN is null, infinities are "inf" and "-inf".
std::string json_text(const Table& table);

}  // namespace edgesweep
