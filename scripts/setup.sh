#!/usr/bin/env bash
# Installs what edgesweep needs and the machine lacks, with apt (Debian 12 and newer, Ubuntu 24.04 and newer).
# Usage: scripts/setup.sh [--tests]
#   --tests   also what the tests need
# Does nothing when all is there. On other systems it names what to install and changes nothing.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

build_packages=(g++ make cmake ninja-build libtorch-dev libopenmpi-dev openmpi-bin libhdf5-dev nlohmann-json3-dev
                libcli11-dev libopenblas-dev libssl-dev zlib1g-dev libpng-dev libjpeg-dev gnuplot-nox)
test_packages=(libgtest-dev libgmock-dev python3-torch python3-numpy python3-scipy python3-h5py python3-xarray
               python3-netcdf4 python3-h5netcdf python3-pil slurm-wlm munge)
oldest_torch=1.13

packages=("${build_packages[@]}")
for argument in "$@"; do
  case $argument in
    --tests) packages+=("${test_packages[@]}") ;;
    -h | --help)
      sed -n '2,5s/^# //p' "$0"
      exit 0
      ;;
    *)
      say "unknown option '$argument'; allowed: --tests"
      exit 2
      ;;
  esac
done

name_what_is_needed() {
  cat >&2 <<'NEEDED'
Needed: GCC 12 or Clang 14 (or newer), CMake 3.22, Ninja, LibTorch 1.13 or newer (https://pytorch.org, C++11 ABI),
  an MPI (Open MPI 4.1 or newer), HDF5 1.10.7 or newer with its HL library, nlohmann/json 3.9, CLI11 2.1, OpenBLAS
  with cblas.h, OpenSSL, zlib, libpng 1.6, libjpeg-turbo, gnuplot. For the tests also GoogleTest with GoogleMock and Python 3 with torch, numpy,
  scipy, h5py, xarray, netCDF4, h5netcdf and Pillow, and Slurm with munge.
Libraries outside the standard folders: CMAKE_PREFIX_PATH=/path/to/libtorch:/path/to/others. See docs/clusters.md.
NEEDED
}

installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# A LibTorch that is not a package, where CMake will look for it.
torch_elsewhere() {
  [ -n "${Torch_DIR:-}" ] && [ -e "$Torch_DIR/TorchConfig.cmake" ] && return 0
  local folder folders=${CMAKE_PREFIX_PATH:-}
  while IFS= read -r folder; do
    [ -n "$folder" ] && [ -e "$folder/share/cmake/Torch/TorchConfig.cmake" ] && return 0
  done <<<"${folders//[:;]/$'\n'}"
  return 1
}

find_missing() {
  missing=()
  local package
  for package in "${packages[@]}"; do
    [ "$package" = libtorch-dev ] && torch_elsewhere && continue
    installed "$package" || missing+=("$package")
  done
}

candidate_version() { LC_ALL=C apt-cache policy "$1" | sed -n 's/^  Candidate: //p' | sed 's/(none)//'; }

# Stops with one clear message where this release does not offer what is missing.
check_available() {
  local package version unavailable=()
  for package in "${missing[@]}"; do
    version=$(candidate_version "$package")
    if [ -z "$version" ]; then
      unavailable+=("$package")
    elif [ "$package" = libtorch-dev ] && dpkg --compare-versions "$version" lt "$oldest_torch"; then
      unavailable+=("libtorch-dev>=$oldest_torch (offered: $version)")
    fi
  done
  [ ${#unavailable[@]} -eq 0 ] && return
  say "not in this system's package sources: ${unavailable[*]}"
  case "${unavailable[*]}" in
    *libtorch-dev*)
      say "unpack LibTorch (C++11 ABI) from https://pytorch.org and set CMAKE_PREFIX_PATH=/path/to/libtorch, then run this again"
      ;;
    *) say "on Ubuntu, 'universe' has to be among the sources" ;;
  esac
  exit 1
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "needs root or sudo to install: ${missing[*]}"
  fi
}

install_missing() {
  say "installing ${missing[*]}"
  as_root apt-get update -q || say "some package lists could not be refreshed; going on with those at hand"
  check_available
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
}

# Debian's LibTorch takes whatever libblas.so.3 is; the reference one is 20 to 40 times slower.
check_blas() {
  local link target
  for link in /usr/lib/*/libblas.so.3 /usr/lib/*/liblapack.so.3; do
    [ -e "$link" ] || continue
    target=$(readlink -f "$link")
    case $target in
      *openblas* | *mkl* | *blis*) ;;
      *)
        say "$link is $target, not OpenBLAS; choose it with update-alternatives --config $(basename "$link")-$(basename "$(dirname "$link")")"
        ;;
    esac
  done
}

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  say "this system has no apt: nothing installed"
  name_what_is_needed
  exit 0
fi

find_missing
if [ ${#missing[@]} -gt 0 ]; then
  install_missing
fi
if [ -z "${CXX:-}" ] && [ "$(g++ -dumpversion | cut -d. -f1)" -lt 12 ] && ! installed g++-12; then
  missing=(g++-12)
  install_missing
fi
check_blas
