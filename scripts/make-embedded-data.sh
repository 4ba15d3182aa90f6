#!/usr/bin/env bash
# Makes sweeps/data from the full MNIST: its first 2500 training and 1000 test images, as gzipped IDX.
# Usage: scripts/make-embedded-data.sh DIR       DIR: where `scripts/fetch-data.sh mnist DIR` put the full set
# The same input gives the same bytes (gzip -9 without name and time).
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

if [ $# -ne 1 ] || [[ $1 == -* ]]; then
  sed -n '2,4s/^# //p' "$0"
  exit 2
fi
input=$1
output=$source_dir/sweeps/data
mkdir -p "$output"

big_endian() { # NUMBER as four bytes
  # shellcheck disable=SC2059  # the format is the escapes themselves
  printf "$(printf '\\x%02x\\x%02x\\x%02x\\x%02x' $(($1 >> 24 & 255)) $(($1 >> 16 & 255)) $(($1 >> 8 & 255)) $(($1 & 255)))"
}

# An IDX file is: magic number, number of items, further sizes (each four bytes, big-endian), then the items.
cut_idx() { # NAME MAGIC COUNT ITEM SIZES: bytes of an item, and of the sizes after the count
  local name=$1 magic=$2 count=$3 item=$4 sizes=$5
  [ -e "$input/$name" ] || die "$input/$name is missing; scripts/fetch-data.sh mnist $input brings it"
  {
    big_endian "$magic"
    big_endian "$count"
    # head first, so that nothing is written into a closed pipe
    head -c $((8 + sizes + count * item)) "$input/$name" | tail -c +9
  } | gzip -9n >"$output/$name.gz.part"
  mv "$output/$name.gz.part" "$output/$name.gz"
}

cut_idx train-images-idx3-ubyte $((0x803)) 2500 784 8
cut_idx train-labels-idx1-ubyte $((0x801)) 2500 1 0
cut_idx t10k-images-idx3-ubyte $((0x803)) 1000 784 8
cut_idx t10k-labels-idx1-ubyte $((0x801)) 1000 1 0
(cd "$output" && wc -c -- *.gz)
