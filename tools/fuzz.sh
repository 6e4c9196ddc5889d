#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# tools/fuzz.sh TARGET [SECONDS]: run a target of tests/fuzz under libFuzzer (an hour by default).
# tools/fuzz.sh --keep TARGET: minimise what it found into tests/fuzz/corpus.
# Builds with clang and the sanitizers in build-fuzz.  What it learns stays in build-fuzz/TARGET; an
# input that fails stays there as crash-*, and `build-fuzz/tests/fuzz/fuzz_TARGET FILE` replays it.
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
# shellcheck source=tools/packages.sh
. "$root/tools/packages.sh"
# shellcheck source=tools/build.sh
. "$root/tools/build.sh"
targets=$(sed -n "s/^  \['\([a-z]*\)', *[0-9].*/\1/p" "$root/tests/fuzz/meson.build")

keep=false
[[ ${1:-} != --keep ]] || { keep=true && shift; }
target=${1:-}
if ! grep -qx -- "$target" <<<"$targets"; then
	echo "usage: tools/fuzz.sh [--keep] TARGET [SECONDS], TARGET one of" $targets >&2
	exit 2
fi

packages_ensure "$packages_build$packages_matrix"
CC=clang build build-fuzz -Dcheck=true -Dfuzz=true -Dunit_tests=false -Dlive_tests=false \
	-Dbuildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false \
	-Dc_args=-fno-sanitize-recover=all
bin=$root/build-fuzz/tests/fuzz
learnt=$root/build-fuzz/$target
pack=$root/tests/fuzz/corpus/$target.corpus
given=$(mktemp -d)
trap 'rm -rf "$given"' EXIT
"$bin/fuzz_$target" -unpack="$given" "$pack"
mkdir -p "$learnt/corpus"

if $keep; then
	mkdir "$given/least"
	"$bin/libfuzz_$target" -merge=1 -max_len=400 "$given/least" "$given" "$learnt/corpus"
	"$bin/fuzz_$target" -pack="$pack" "$given/least"
	exit
fi
"$bin/libfuzz_$target" -max_len=400 -timeout=20 -max_total_time="${2:-3600}" \
	-artifact_prefix="$learnt/" "$learnt/corpus" "$given"
