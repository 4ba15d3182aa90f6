#!/usr/bin/env bash
# The MNIST phase diagram in one command: installs what is missing, builds, runs sweeps/mnist-small.json on all cores,
# exports the phase table and draws the planes.
# Usage: scripts/demo.sh
# Results go to out/. A sweep that was interrupted goes on where it stopped; nothing is removed.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"
if [ $# -gt 0 ]; then
  sed -n '2,5s/^# //p' "$0" >&2
  exit 2
fi
cd "$source_dir"

scripts/setup.sh
choose_compiler
say "building edgesweep in build/release"
cmake --preset release -D EDGESWEEP_TESTS=OFF >/dev/null
cmake --build --preset release --target edgesweep
edgesweep=build/release/bin/edgesweep
store=out/mnist-small.h5
mkdir -p out

# Rank 0 coordinates and sleeps; the others have a core each.
cores=$(count_cores)
choose_mpi $((cores + 1))
if [ -e "$store" ]; then
  say "$store is there: going on with it (to start anew, move it and the files named like it away)"
fi
SECONDS=0
say "running ${mpi_command[*]} $edgesweep run sweeps/mnist-small.json --store $store --resume"
code=0
"${mpi_command[@]}" "$edgesweep" run sweeps/mnist-small.json --store "$store" --resume || code=$?
sweep_seconds=$SECONDS
case $code in
  0) ;;
  3) say "some trials failed; see $edgesweep status $store" ;;
  75) say "interrupted after $sweep_seconds s; run scripts/demo.sh again to go on" && exit 75 ;;
  *) say "the sweep ended with exit code $code" && exit "$code" ;;
esac

"$edgesweep" export "$store" --table phase --format csv -o out/mnist-small-phase.csv
"$edgesweep" export "$store" --table boundary --format csv -o out/mnist-small-boundary.csv
"$edgesweep" plot "$store" -o out/plots
awk -f scripts/phase-summary.awk out/mnist-small-phase.csv
cat <<RESULTS

store      $store (xarray.open_dataset, h5py or netCDF tools open it)
tables     out/mnist-small-phase.csv, out/mnist-small-boundary.csv
pictures   out/plots: $(find out/plots -name '*.png' | wc -l) PNG and as many SVG
time       $sweep_seconds s for the sweep with $cores workers, $SECONDS s with tables and pictures, without the build
RESULTS
exit "$code"
