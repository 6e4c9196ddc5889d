#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# kernel.sh [--json] [--seconds N]: builds, then lets wrk make short connections to a server on epoll,
# and to nginx where there is one, over the kernel's TCP and loopback, and bench_connection the same
# ones over ours, in turn.  Needs root, for a network of its own.  See kernel.py.
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
# shellcheck source=tools/build.sh
. "$root/tools/build.sh"
build_only=(bench/bench_connection bench/kernel_server)
build build-bench "${build_bench[@]}"
exec unshare --net python3 "$root/bench/kernel.py" "$root/build-bench/bench" "$@"
