#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# tools/package.sh [DIRECTORY]: makes the Debian package of the committed tree, and leaves it in
# DIRECTORY when one is named.  lintian must have nothing to say; then the package is installed in a
# minimal root of the same Debian, without anything that builds, and `leat try`, the manual and the
# completion are used there.  Needs root, debootstrap, lintian and the packages of debian/control.
set -euo pipefail
tree=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
# shellcheck source=tools/packages.sh
. "$tree/tools/packages.sh"
packages_ensure "$packages_build$packages_deb"
work=$(mktemp -d "${TMPDIR:-/var/tmp}/leat-package-XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT
mkdir "$work/leat"
git -C "$tree" archive HEAD | tar -C "$work/leat" -xf -
(cd "$work/leat" && DEB_BUILD_OPTIONS="nocheck parallel=$(nproc)" dpkg-buildpackage -b -us -uc) \
	>"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
said=$(lintian --allow-root --tag-display-limit 0 -I "$work"/leat_*.changes)
[[ -z $said ]] || { printf 'lintian:\n%s\n' "$said" >&2; exit 1; }
echo "package: lintian has nothing to say" >&2
[[ $# = 0 ]] || cp "$work"/leat_*.deb "$1"
# shellcheck disable=SC1091
suite=$(. /etc/os-release && echo "$VERSION_ID")
# shellcheck disable=SC2016
CLEAN_ROOT_DO='
	apt-get -q update
	DEBIAN_FRONTEND=noninteractive apt-get -qy --no-install-recommends install ./leat_*.deb
	for tool in gcc cc meson ninja pkg-config python3; do
		if command -v "$tool"; then exit 9; fi
	done
	if dpkg-query -W -f "\${db:Status-Abbrev}\${Package}\n" "lib*-dev" | grep "^ii"; then exit 9; fi
	leat version
	setpriv --reuid=65534 --regid=65534 --clear-groups leat try --seconds 2
	leat check --part file /usr/share/doc/leat/examples/first.yaml
	test -s /usr/share/man/man1/leat-conns.1.gz
	test -s /usr/share/bash-completion/completions/leat
	getent passwd leat
	apt-get -qy purge leat
	test ! -e /usr/bin/leat
	test ! -e /usr/lib/systemd/system/leat@.service' \
	CLEAN_ROOT_COPY=$(echo "$work"/leat_*.deb) "$tree/tools/clean_root.sh" "$suite"
echo "package: installed, used and purged in a clean root" >&2
