#pragma once

#include <string>

#include "engine/base/json.hpp"

namespace edgesweep {

/// Applies one `path=value` (of `--set`) to a document. The path is as in messages:
/// `experiment.model.hidden[1]`. The value is JSON, or else a string. Absent objects on the way are made;
/// list elements must exist. Throws InputError that names the option.
void apply_override(Json& document, const std::string& text);

}  // namespace edgesweep
