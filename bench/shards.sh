#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# shards.sh [OPTION]...: builds, then counts the instructions of a connection with 1, 2, 4 and 8
# shards; needs valgrind.  --write bench/results/shards.txt keeps the table.  See shards.py.
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
# shellcheck source=tools/build.sh
. "$root/tools/build.sh"
build build-bench "${build_bench[@]}"
exec python3 "$root/bench/shards.py" "$root/build-bench/bench/bench_shards" "$@"
