# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2034,SC2154
# What leat needs of Debian, in one place: `package  how to see that it is there`.
# Sourced by ./run and ./test.  Versions are not pinned; Debian 12 and 13 both serve.

packages_build='
gcc             cmd:gcc
libc6-dev       file:/usr/include/stdio.h
meson           cmd:meson
ninja-build     cmd:ninja
pkg-config      cmd:pkg-config
python3         cmd:python3
libdpdk-dev     pkg:libdpdk
libnuma-dev     pkg:numa
libpcap-dev     pkg:libpcap
libyaml-dev     pkg:yaml-0.1
libjansson-dev  pkg:jansson
libmicrohttpd-dev pkg:libmicrohttpd
libncurses-dev  pkg:ncursesw
zlib1g-dev      pkg:zlib'

packages_test='
libcmocka-dev   pkg:cmocka
binutils        cmd:nm
iproute2        cmd:ip
curl            cmd:curl
wrk             cmd:wrk
ethtool         cmd:ethtool
scdoc           cmd:scdoc
man-db          cmd:man
zsh             cmd:zsh
iputils-ping    cmd:ping
valgrind        cmd:valgrind
tshark          cmd:tshark'

packages_deb='
debhelper       cmd:dh
dpkg-dev        cmd:dpkg-buildpackage
lintian         cmd:lintian
pkgconf         cmd:pkgconf
scdoc           cmd:scdoc
debootstrap     cmd:debootstrap'

packages_guest='
qemu-system-x86 cmd:qemu-system-x86_64'

packages_matrix='
clang           cmd:clang'

# The tools of an administrator (ip, ethtool) are not on every user's PATH.
export PATH="$PATH:/usr/sbin:/sbin"

packages_is_there() {
	case $1 in
	cmd:*) command -v "${1#cmd:}" ;;
	pkg:*) pkg-config --exists "${1#pkg:}" ;;
	file:*) test -e "${1#file:}" ;;
	esac >/dev/null 2>&1
}

# packages_ensure LIST installs what of LIST is missing, or says what to type and exits 3.
packages_ensure() {
	local name check missing=() as_root=() log
	while read -r name check; do
		[[ -z $name ]] || packages_is_there "$check" || missing+=("$name")
	done <<<"$1"
	((${#missing[@]})) || return 0

	local install=(apt-get install -y --no-install-recommends "${missing[@]}")
	if ! command -v apt-get >/dev/null; then
		echo "missing, by their Debian names: ${missing[*]}" >&2
		exit 3
	fi
	if ((EUID != 0)); then
		as_root=(sudo)
		if ! command -v sudo >/dev/null; then
			echo "missing: ${missing[*]}.  As root:" >&2
			echo "    apt-get update && ${install[*]}" >&2
			exit 3
		fi
	fi
	echo "installing by apt: ${missing[*]}" >&2
	log=$(mktemp)
	# A list that cannot be refreshed is no failure as long as the packages install.
	"${as_root[@]}" apt-get -q update >"$log" 2>&1 || true
	if ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
		"${install[@]}" -q -o DPkg::Lock::Timeout=300 >>"$log" 2>&1 </dev/null; then
		cat "$log" >&2
		echo "could not install.  As root: apt-get update && ${install[*]}" >&2
		rm -f "$log"
		exit 3
	fi
	rm -f "$log"
}

# packages_promtool DIR: promtool alone, of Debian's package prometheus, into DIR, which the PATH has
# from then on: the package itself would start a service.  Without it the tests that ask it are skipped.
packages_promtool() {
	local dir
	export PATH="$PATH:$1"
	! command -v promtool >/dev/null && command -v apt-get dpkg-deb >/dev/null || return 0
	dir=$(mktemp -d)
	mkdir -p "$1"
	echo "taking promtool out of Debian's package prometheus" >&2
	(cd "$dir" && apt-get -q download prometheus >/dev/null 2>&1 &&
		dpkg-deb --fsys-tarfile prometheus_*.deb | tar -xO ./usr/bin/promtool >promtool &&
		install promtool "$1/promtool") || echo "there is none; its tests are skipped" >&2
	rm -rf "$dir"
}
