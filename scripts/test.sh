#!/usr/bin/env bash
# Builds edgesweep with its tests (preset dev, in build/dev) and runs them; installs what is missing first.
# Usage: scripts/test.sh [CTEST OPTION]...       for example: scripts/test.sh -R store
# The last lines are ctest's summary and the exit code is ctest's.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"
cd "$source_dir"

scripts/setup.sh --tests
choose_compiler
cmake --preset dev
cmake --build --preset dev
# One thread a library: tests that start several ranks would fight over the cores.
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
exec ctest --preset dev -j "$(count_cores)" "$@"
