#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# hundred.sh LEAT [N]: N (100) short trials on a bad wire, each with its own seed, and how many of
# them balanced.  Exit 0 when all did; the last line names the seeds of the others.
set -uo pipefail
leat=${1:?usage: hundred.sh LEAT [N]}
cnt=${2:-100}
bad=()
for ((seed = 1; seed <= cnt; seed++)); do
	timeout -k 2 600 "$leat" try --seconds 1 --loss 1% --reorder 1% --seed "$seed" \
		>/dev/null 2>&1 || bad+=("$seed")
done
echo "$((cnt - ${#bad[@]})) balanced, ${#bad[@]} not${bad[*]:+: --seed ${bad[*]}}"
((${#bad[@]} == 0))
