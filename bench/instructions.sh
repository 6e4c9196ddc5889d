#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# bench/instructions.sh [--write]: the instructions that the server executes for one short connection
# (bench_connection), counted by callgrind, which no load of the machine can change.  More than 3 %
# above or below the number in bench/instructions.txt is a failure; who meant it says so by --write,
# and in the commit why.  TAP.
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
# shellcheck source=tools/build.sh
. "$root/tools/build.sh"
kept=$root/bench/instructions.txt

skip() {
	echo "1..0 # SKIP $*"
	exit 0
}

counted() {
	local dir conns instructions
	dir=$(mktemp -d)
	trap 'rm -rf "$dir"' RETURN
	conns=$(valgrind --tool=callgrind --callgrind-out-file="$dir/out" \
		--toggle-collect=server_turn --log-file="$dir/log" \
		"$root/build-bench/bench/bench_connection" --quick --json |
		sed -n 's/.*"connections":\([0-9]*\).*/\1/p')
	instructions=$(sed -n 's/^.*Collected : \([0-9]*\).*/\1/p' "$dir/log")
	[[ -n $conns && -n $instructions ]] || { cat "$dir/log" >&2; return 1; }
	echo $((instructions / conns))
}

[[ $(uname -m) = x86_64 ]] || skip "the number is of x86-64"
command -v valgrind >/dev/null || skip "there is no valgrind"
compiler="gcc $(gcc -dumpversion 2>/dev/null || true)"
build_only=(bench/bench_connection)
CC=gcc build build-bench "${build_bench[@]}"
now=$(counted)
if [[ ${1:-} = --write ]]; then
	printf '# of one short connection, at the server: bench/instructions.sh --write\n%s %s\n' \
		"$now" "$compiler" >"$kept"
	exit
fi
read -r was of <<<"$(grep -v '^#' "$kept")"
[[ $compiler = "$of" ]] || skip "the number is of $of, and this is $compiler: $now"
echo 1..1
result=ok
((now * 100 <= was * 103 && now * 100 >= was * 97)) || result='not ok'
echo "$result 1 - a short connection takes $was instructions within 3 %: $now"
[[ $result = ok ]] || { echo "# if it is meant: bench/instructions.sh --write"; exit 1; }
