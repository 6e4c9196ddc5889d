#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# tests/sim/digests.sh [A..B]: build the simulator with gcc and clang, at -O0 and -O3, with and without
# sanitizers, and compare the digests of these seeds (0..39) with digest.golden, or, of others, with
# those of the first build.  One line per build; fails when one of them differs.
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd)
# shellcheck source=tools/packages.sh
. "$root/tools/packages.sh"
seeds=${1:-0..39}
packages_ensure "$packages_build$packages_matrix"
want=$(mktemp)
got=$(mktemp)
trap 'rm -f "$want" "$got"' EXIT
[[ $seeds != 0..39 ]] || cp "$root/tests/sim/digest.golden" "$want"

# one COMPILER LEVEL SANITIZERS
result=0
one() {
	local dir=$root/build-digest-$1-O$2-${3//,/-} args=(-Db_lundef=false -Dwerror=false)
	[[ $3 = none ]] || args+=(-Dc_args=-fno-sanitize-recover=all)
	if [[ ! -e $dir/build.ninja ]]; then
		CC=$1 meson setup "$dir" "$root" -Dcheck=true -Doptimization="$2" -Ddebug=true \
			-Db_sanitize="$3" -Dlive_tests=false "${args[@]}" >/dev/null
	fi
	if ! ninja -C "$dir" tests/sim/sim >"$got" 2>&1; then
		grep -v '^\[[0-9/]*\] ' "$got" >&2
		echo "$1 -O$2 $3: does not build" && result=1
		return
	fi
	if ! "$dir/tests/sim/sim" --seeds "$seeds" --digest >"$got"; then
		echo "$1 -O$2 $3: a seed fails" && result=1
		return
	fi
	[[ -s $want ]] || cp "$got" "$want"
	if cmp -s "$want" "$got"; then
		echo "$1 -O$2 $3: $(wc -l <"$got") digests are equal"
	else
		echo "$1 -O$2 $3: $(diff "$want" "$got" | grep -c '^>') digests differ" && result=1
	fi
}

for cc in gcc clang; do
	for level in 0 3; do
		for sanitizers in none address,undefined; do
			one $cc $level $sanitizers
		done
	done
done
one clang 1 memory
exit $result
