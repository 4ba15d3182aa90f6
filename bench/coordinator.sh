#!/usr/bin/env bash
# What the coordinator costs: processor time of rank 0 over the time of a sweep, loading of the program apart.
# Usage: bench/coordinator.sh EDGESWEEP [WORKERS]
set -euo pipefail
source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=../scripts/common.sh
source "$source_dir/scripts/common.sh"
program=$(realpath "$1")
workers=${2:-3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
choose_mpi $((workers + 1))
export OMP_NUM_THREADS=1

"${mpi_command[@]}" "$program" run "$source_dir/sweeps/mnist-small.json" --store "$folder/s.h5" 2>/dev/null &
# The coordinator is the process that owns the store.
until [ -e "$folder/s.h5" ]; do sleep 0.1; done
rank0=$(sed -n 's/.*"pid": *\([0-9]*\).*/\1/p' "$folder/s.h5.lock")
ticks() { awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$rank0/stat" 2>/dev/null; }
first=$(ticks)
began=$(date +%s.%N)
while now=$(ticks); [ -n "$now" ]; do
  last=$now
  ended=$(date +%s.%N)
  sleep 0.2
done
wait
awk -v ticks=$((last - first)) -v hz="$(getconf CLK_TCK)" -v began="$began" -v ended="$ended" -v workers="$workers" 'BEGIN {
  printf "%d workers: the coordinator used %.2f s of processor time in %.1f s, %.2f %% of a core\n",
    workers, ticks / hz, ended - began, 100 * ticks / hz / (ended - began) }'
