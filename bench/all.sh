#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# all.sh: measures all that docs/bench.md has, keeps it in bench/results/, and writes the page's
# tables anew (page.py); about 6 minutes, 7 GB, root.  The numbers are those of the best parts, but a
# machine that does nothing else gives better ones.
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
new=$(mktemp)
trap 'rm -f "$new"' EXIT

# keep FILE NAME [OPTION]...
keep() {
	echo "bench/run ${*:2}" >&2
	"$root/bench/run" "${@:2}" --json >"$new"
	cat "$new" >"$root/bench/results/$1.json"
}

keep parse parse
keep input input
keep turn turn
keep connection connection --concurrent 1000
keep connection-csum connection --concurrent 1000 --csum
keep connection-forged connection --forged --concurrent 1000,100000,1000000,10000000
keep latency latency
keep stream stream
keep device device
keep pair pair
keep serve serve
keep kernel kernel
python3 "$root/bench/page.py"
