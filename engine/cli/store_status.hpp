#pragma once

#include <string>

#include "engine/base/json.hpp"
#include "engine/spec/catalog.hpp"

namespace edgesweep {

/// How far the sweep of a store is, also while it runs:
/// {"store", "name", "owned": a lock exists, "trials", "counts": {status: trials}, "records": {"done", "total"},
///  "cells": [{"batch", "point", "eta", "counts": {status: trials}, "records"}],
///  "failures": [{"trial", "batch", "point", "eta", "seed", "attempts", "reason"}]}
/// `records.total` counts the records that a diverged trial has, not those that it would have had.
/// Throws InputError if there is no such store.
Json store_status(const std::string& path, const Catalog& catalog);

}  // namespace edgesweep
