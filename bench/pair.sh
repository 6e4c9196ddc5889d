#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# pair.sh [--json] [--seconds N] [--rounds N] [--device memif|virtio]: builds, then `leat serve` and
# `leat load` as two processes, one core each, over memif or virtio-user and vhost; root.  See pair.py.
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
# shellcheck source=tools/build.sh
. "$root/tools/build.sh"
build_only=(app/leat/leat app/leatd/leatd bench/bench_device)
build build-bench "${build_bench[@]}"
exec unshare --net python3 "$root/bench/pair.py" "$root/build-bench" "$@"
