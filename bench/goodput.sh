#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# goodput.sh [race|table] [OPTION]...: builds, then measures us and the kernel behind the same bad
# link; needs root.  Without words: the race of 100 MB at 1 % loss, 2 % reordering and 50 ms, whose
# last line is the ratio.  See goodput.py.
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
# shellcheck source=tools/build.sh
. "$root/tools/build.sh"
build build-bench "${build_bench[@]}"
((${#})) || set -- race --lanes 2 --runs 2
LEAT=$root/build-bench/app/leat/leat LINK_EMU=$root/build-bench/tests/live/link_emu \
	exec python3 "$root/bench/goodput.py" "$@"
