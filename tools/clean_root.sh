#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# tools/clean_root.sh [12|13|SUITE]: what somebody meets who has nothing but Debian.  Makes a minimal
# root of it (default: 12) from this machine's mirror, copies the committed tree, and there runs
# `./run try --seconds 2` and `./test`; or, for others (package.sh), copies CLEAN_ROOT_COPY and runs
# CLEAN_ROOT_DO.  The root is removed at the end.  Needs root and debootstrap.
set -euo pipefail
tree=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
case ${1:-12} in
12) suite=bookworm ;;
13) suite=trixie ;;
[a-z]*) suite=$1 ;;
*) echo "usage: tools/clean_root.sh [12|13|SUITE]" >&2 && exit 1 ;;
esac
export PATH="$PATH:/usr/sbin:/sbin"
[ "$(id -u)" = 0 ] || { echo "clean_root: needs root, for debootstrap and chroot: sudo $0" >&2; exit 4; }
for program in debootstrap unshare git; do
	command -v $program >/dev/null ||
		{ echo "clean_root: needs $program: apt-get install $program" >&2; exit 3; }
done

# The mirror of this machine and how apt reaches it; CLEAN_ROOT_TAR: a root made before.
# shellcheck disable=SC2016
mirror=$(apt-get indextargets --format '$(LABEL) $(SITE)' 2>/dev/null | sed -n '/^Debian /{s///p;q}')
root=$(mktemp -d "${TMPDIR:-/var/tmp}/leat-root-XXXXXX")
trap 'rm -rf --one-file-system "$root"' EXIT
trap 'exit 130' INT TERM
if [ -n "${CLEAN_ROOT_TAR:-}" ]; then
	tar -C "$root" -xf "$CLEAN_ROOT_TAR"
else
	[ -n "$mirror" ] || { echo "clean_root: apt here has no source of Debian's to take it from" >&2; exit 3; }
	debootstrap --variant=minbase "$suite" "$root" "$mirror" >&2
fi
apt-config dump Acquire >"$root/etc/apt/apt.conf.d/90host"
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
mkdir "$root/leat"
if [ -n "${CLEAN_ROOT_COPY:-}" ]; then
	cp "$CLEAN_ROOT_COPY" "$root/leat/"
else
	git -C "$tree" archive HEAD | tar -C "$root/leat" -xf -
fi
todo=${CLEAN_ROOT_DO:-'
		./run try --seconds 2
		./test'}

# Mounts of its own, which end with it.  / must be a mount point for `ip netns` to work.
# shellcheck disable=SC2016
unshare --mount sh -euc 'mount --bind "$0" "$0"; exec chroot "$0" env -i HOME=/ TERM=dumb \
	PATH=/usr/sbin:/usr/bin:/sbin:/bin sh -euc "
		mount -t proc proc /proc
		mount -t sysfs sys /sys
		mount -t devtmpfs dev /dev
		mount -t devpts pts /dev/pts
		cd /leat
		$1"' "$root" "$todo"
