#!/usr/bin/env bash
# Builds and tests edgesweep on Debian 13 in a folder of its own: newer LibTorch, Open MPI, HDF5 and GCC than Debian 12.
# Usage: scripts/test-debian13.sh FOLDER [CTEST OPTION]...
#   FOLDER   where the system is made (about 4 GB), or an earlier one to use again
# By hand, as root; needs debootstrap. The machine's own folders stay as they are: everything is mounted in a mount
# namespace of this script and is gone when it ends, however it ends.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

if [ $# -lt 1 ] || [[ $1 == -* ]]; then
  sed -n '2,6s/^# //p' "$0"
  exit 2
fi
[ "$(id -u)" -eq 0 ] || die "needs root: it makes a system with debootstrap and changes into it with chroot"
if [ -z "${EDGESWEEP_PRIVATE_MOUNTS:-}" ]; then
  exec env EDGESWEEP_PRIVATE_MOUNTS=1 unshare --mount --propagation private bash "$0" "$@"
fi

mkdir -p "$1"
system=$(cd "$1" && pwd)
shift
if [ ! -e "$system/etc/debian_version" ]; then
  command -v debootstrap >/dev/null || die "needs debootstrap (apt-get install debootstrap)"
  say "making a Debian 13 in $system"
  debootstrap --variant=minbase trixie "$system"
fi

mount -t proc proc "$system/proc"
mount --rbind /sys "$system/sys"
mount --rbind /dev "$system/dev"
mount -t tmpfs -o mode=1777 tmpfs "$system/dev/shm"
cp --dereference /etc/resolv.conf "$system/etc/resolv.conf"

# The tree as git sees it, with what is not committed yet; build/ of an earlier run stays.
copy=$system/root/edgesweep
mkdir -p "$copy"
find "$copy" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +
cd "$source_dir"
git ls-files -z --cached --others --exclude-standard |
  while IFS= read -r -d '' file; do [ -e "$file" ] && printf '%s\0' "$file"; done |
  tar --null --files-from=- --create --file=- | tar --extract --directory="$copy" --file=-

keep=(PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 TERM="${TERM:-dumb}")
for name in http_proxy https_proxy no_proxy; do
  [ -n "${!name:-}" ] && keep+=("$name=${!name}")
done
exec chroot "$system" env -i "${keep[@]}" bash /root/edgesweep/scripts/test.sh "$@"
