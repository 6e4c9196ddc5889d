#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Does a connection cost more when there are more shards?

    shards.py PROGRAM [--write FILE]

Runs PROGRAM (bench_shards of a release build) under callgrind with 1, 2, 4 and 8 shards, counts the
instructions of measured_turns, and fails when a connection with many shards costs 3 % more or less
than with one.  Then the same in software, the ends with keys of their own, for what a move costs.
Instructions, not time: they are the same on a busy machine.
"""
import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile

COUNTS = (1, 2, 4, 8)
LIMIT = 0.03


def measure(program, shards, mode):
    """Instructions of one connection, both ends; and the part of the frames that moved."""
    with tempfile.TemporaryDirectory() as directory:
        done = subprocess.run(
            ["valgrind", "--tool=callgrind", "--toggle-collect=measured_turns",
             f"--callgrind-out-file={directory}/out", program, str(shards), mode],
            check=False, capture_output=True, text=True, timeout=300)
    if done.returncode:
        sys.exit(f"{program} {shards} {mode}: exit {done.returncode}\n{done.stderr}")
    told = json.loads(done.stdout.splitlines()[-1])
    count = int(re.search(r"Collected : (\d+)", done.stderr)[1])
    return count / told["connections"], told["moved"] / told["frames"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--write", metavar="FILE")
    options = parser.parse_args()
    lines = [f"{platform.machine()}, {os.cpu_count()} processors; instructions of one short HTTP "
             "connection, client and server together", "",
             "shards  queue to queue   against 1   in software   against 1   frames moved"]
    one, worst = None, 0.0
    for shards in COUNTS:
        (wire, _), (soft, moved) = (measure(options.program, shards, mode)
                                    for mode in ("wire", "software"))
        one = one or (wire, soft)
        apart = wire / one[0] - 1
        worst = max(worst, abs(apart))
        lines.append(f"{shards:6} {wire:15,.0f} {apart:10.2%} {soft:13,.0f} {soft / one[1] - 1:10.2%}"
                     f" {moved:13.0%}")
        print(lines[-1] if shards > 1 else "\n".join(lines), flush=True)
    lines += ["", f"most apart: {worst:.2%}, at most {LIMIT:.0%} wanted"]
    print("\n".join(lines[-2:]))
    if options.write:
        with open(options.write, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
    return worst >= LIMIT


sys.exit(main())
