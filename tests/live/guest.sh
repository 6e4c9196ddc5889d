#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# guest.sh [GROUP...]: leatd on network cards with queues and RSS, in a guest of qemu (test_guest.py).
# Fetches what is missing: qemu by apt, and Debian's kernel for clouds, which is unpacked below
# build-guest and not installed.  LEAT and LEATD name the programs, else they are those of build.
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd)
# shellcheck source=tools/packages.sh
. "$root/tools/packages.sh"
export LEAT=${LEAT:-$root/build/app/leat/leat} LEATD=${LEATD:-$root/build/app/leatd/leatd}
here=$(dirname "$LEATD")/../../tests/live
export GUEST_INIT=$here/guest_init GUEST_TRY=$here/guest_try LEAT_GUEST=${LEAT_GUEST:-$root/build-guest}

# fetch unpacks the newest kernel there is.
fetch() {
	local name
	name=$(apt-cache depends --important linux-image-cloud-amd64 |
		sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
	mkdir -p "$LEAT_GUEST"
	(cd "$LEAT_GUEST" && apt-get -q download "$name" && dpkg -x "$name"_*.deb . && rm "$name"_*.deb)
}

(packages_ensure "$packages_guest") || { echo "1..0 # SKIP needs qemu" && exit 0; }
compgen -G "$LEAT_GUEST/boot/vmlinuz-*" >/dev/null || fetch >&2 ||
	{ echo "1..0 # SKIP needs a kernel, and apt gives none" && exit 0; }
exec python3 "$root/tests/live/test_guest.py" "$@"
